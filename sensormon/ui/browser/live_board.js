// The Live board: a card a tag, renewed from the feed twice a second without a rerun of the page.
//
// Zoom, pan and hover are the board's own state, kept over every renewal. All charts have one time
// axis and one cross-hair. What it is not: a place that judges; words and verdicts come from the feed.
import { element, set, stylesheet } from "./dom.js"
import { HeatStrip } from "./heat_strip.js"
import { append, empty, fitted, traces, trim } from "./live_traces.js"
import { clock, duration, number, place } from "./numbers.js"
import { plotly } from "./plotly.js"

const EVERY = 500 // ms between two questions to the feed
const HIDDEN = 5000 // the same while nobody sees the page
const LOST = 4000 // so long without an answer is said
const RENEWED = 10000 // ms between two answers of the whole span while readings come late
const TABLE = 15 // readings in the table of a card
const SPARK = 60 // readings in the small trend line

const boards = new WeakMap()

export function mount(component) {
  const root = component.parentElement
  let board = boards.get(root)
  if (!board) boards.set(root, (board = new Board(root)))
  board.update(component)
}

export function unmount(root) {
  boards.get(root)?.stop()
  boards.delete(root)
}

class Board {
  constructor(root) {
    this.root = root
    this.cards = new Map()
    this.stopped = false
    this.view = null // [from, to] in ms while the viewer has zoomed, null while the board follows the clock
    this.offset = 0 // the server's clock minus the browser's, ms
    this.events = { version: "", spans: {}, last: null }
    this.ticking = setInterval(() => this.tick(), EVERY)
    this.onVisible = () => !document.hidden && this.ask()
    document.addEventListener("visibilitychange", this.onVisible)
  }

  update({ data, setStateValue, setTriggerValue }) {
    this.setStateValue = setStateValue
    this.setTriggerValue = setTriggerValue
    const text = JSON.stringify(data)
    if (text === this.text) return
    const before = this.data
    this.text = text
    this.data = data
    stylesheet("live_board.css", data.version)
    this.build()
    if (!before) this.view = data.view
    else if (before.span !== data.span) this.view = null
    this.after = null
    this.drawn = 0
    plotly(data.version).then(
      (Plotly) => {
        this.Plotly = Plotly
        this.ask()
      },
      () => this.setStateValue("unavailable", true),
    )
  }

  stop() {
    this.stopped = true
    clearInterval(this.ticking)
    clearTimeout(this.next)
    clearTimeout(this.telling)
    this.question?.abort()
    document.removeEventListener("visibilitychange", this.onVisible)
    this.strip?.stop()
    for (const card of this.cards.values()) card.remove()
    this.cards.clear()
  }

  // -- what is on the page ------------------------------------------------------------

  build() {
    const { data, root } = this
    if (!this.body) {
      this.body = element("div", "board")
      this.lost = element("div", "alarm")
      this.lost.hidden = true
      this.lost.setAttribute("role", "status")
      this.stripPlace = element("div", "strip-place")
      this.tools = this.makeTools()
      this.list = element("div", "board-cards")
      this.last = element("div", "board-last")
      this.legend = element("div", "board-legend quiet")
      this.body.append(this.lost, this.stripPlace, this.tools, this.list, this.last, this.legend)
      root.append(this.body)
    }
    this.legend.innerHTML = LEGEND
    if (data.strip.length) {
      this.strip ??= new HeatStrip(this.stripPlace, (name) => this.setTriggerValue("picked", name))
      this.strip.update(data)
    } else if (this.strip) {
      this.strip.stop()
      this.strip = undefined
    }
    const wanted = new Set(data.tags.map((tag) => tag.name))
    for (const [name, card] of this.cards) {
      if (!wanted.has(name)) {
        card.remove()
        this.cards.delete(name)
      }
    }
    for (const tag of data.tags) {
      if (!this.cards.has(tag.name)) this.cards.set(tag.name, new Card(this))
      const card = this.cards.get(tag.name)
      card.describe(tag, data)
      this.list.append(card.section)
    }
    this.list.hidden = this.tools.hidden = this.legend.hidden = !data.tags.length
  }

  makeTools() {
    const tools = element("div", "board-tools")
    this.zoomed = element("span", "quiet")
    this.zoomed.setAttribute("role", "status")
    const button = (text, label, action) => {
      const one = element("button", "tool")
      one.type = "button"
      one.textContent = text
      one.setAttribute("aria-label", label)
      one.title = label
      one.onclick = () => action()
      return one
    }
    this.back = button("Back to now", "Follow the clock again", () => this.zoom(null))
    this.back.hidden = true
    tools.append(
      this.zoomed,
      this.back,
      button("◀", "Earlier", () => this.move(-0.5, 1)),
      button("▶", "Later", () => this.move(0.5, 1)),
      button("−", "Zoom out", () => this.move(0, 2)),
      button("+", "Zoom in", () => this.move(0, 0.5)),
    )
    return tools
  }

  // -- what part is seen --------------------------------------------------------------

  get now() {
    return this.data.until ? this.data.until / 1000 : Date.now() + this.offset
  }

  get whole() {
    return [this.now - this.data.span * 1000, this.now]
  }

  zoom(range) {
    this.view = range && range[1] - range[0] >= 1000 ? range : null
    if (!this.view) for (const card of this.cards.values()) card.rangeY = null
    this.draw(true)
    clearTimeout(this.telling) // the address follows once the viewer has come to rest
    this.telling = setTimeout(() => this.setStateValue("view", this.view?.map(Math.round) ?? null), 400)
  }

  // Shift by a part of what is seen, and make it so many times as wide.
  move(shift, factor) {
    const [low, high] = this.view ?? this.whole
    const [start, end] = this.whole
    const width = Math.max(2000, (high - low) * factor)
    if (width >= end - start) return this.zoom(null)
    const middle = (low + high) / 2 + (high - low) * shift
    const left = Math.min(Math.max(middle - width / 2, start), end - width)
    this.zoom([left, left + width])
  }

  // -- the feed -----------------------------------------------------------------------

  async ask() {
    clearTimeout(this.next)
    if (this.stopped || !this.Plotly || this.asking) return
    this.asking = true
    const asked = this.text
    try {
      const answer = await this.fetched()
      this.failure = null
      if (this.stopped) return
      this.answered = Date.now()
      if (asked === this.text) this.take(answer)
    } catch (error) {
      this.failure = error.message
    } finally {
      this.asking = false
    }
    const done = this.data.until && this.after !== null && this.complete // what is past does not change
    const changed = asked !== this.text
    if (!this.stopped && (changed || !done)) {
      const wait = document.hidden ? HIDDEN : Date.now() - (this.answered ?? 0) > LOST ? 2000 : EVERY
      const first = this.after === null && !this.failure
      this.next = setTimeout(() => this.ask(), changed || first ? 100 : wait)
    }
  }

  async fetched() {
    const { data } = this
    if (!data.tags.length) return { now: Date.now() + this.offset, after: 0, tags: {}, rejected: {} }
    const url = new URL("api/live/board", window.location.href)
    for (const tag of data.tags) url.searchParams.append("tag", tag.name)
    url.searchParams.set("span", data.span)
    if (data.until) url.searchParams.set("until", data.until)
    if (this.after !== null) {
      url.searchParams.set("after", this.after)
      url.searchParams.set("events", this.events.version)
    }
    this.question = new AbortController()
    const timeout = setTimeout(() => this.question.abort(), 15000)
    try {
      const headers = { "X-Sensormon-Page": data.key }
      const answer = await fetch(url, { headers, signal: this.question.signal, cache: "no-store" })
      if (answer.status === 404) this.setStateValue("unavailable", true)
      if (!answer.ok) throw new Error(answer.status === 401 ? "Reload this page" : `answer ${answer.status}`)
      if (!(answer.headers.get("content-type") ?? "").includes("json")) {
        this.setStateValue("unavailable", true)
        throw new Error("no feed")
      }
      return await answer.json()
    } finally {
      clearTimeout(timeout)
    }
  }

  take(answer) {
    this.offset = answer.now - Date.now()
    const before = this.after
    this.after = answer.after
    let urgent = before === null
    if (answer.late) this.late = true // older than what is told
    for (const [name, told] of Object.entries(answer.tags)) {
      const card = this.cards.get(name)
      if (!card) continue
      if (told.x) {
        if (before === null) card.own = empty()
        if (!append(card.own, told)) this.late = true
        urgent ||= told.k.some((kind) => kind)
        card.fresh = true
      }
      if (told.head) card.head = told.head
    }
    for (const [name, card] of this.cards) {
      const told = answer.rejected[name] ?? []
      if (before === null) card.rejected = told
      else {
        const known = new Set(card.rejected.map((one) => one.join()))
        const fresh = told.filter((one) => !known.has(one.join()))
        card.rejected.push(...fresh)
        urgent ||= fresh.length > 0
      }
    }
    if (answer.events) {
      this.events = answer.events
      urgent = true
    }
    const thin = Math.min(600_000, Math.max(60_000, (this.data.span * 1000) / 12))
    if (before === null) [this.renewed, this.late, this.complete] = [Date.now(), false, answer.complete !== false]
    const again = this.late || !this.complete ? RENEWED : this.data.until ? Infinity : thin
    if (before !== null && Date.now() - this.renewed > again) this.after = null
    this.tick()
    this.draw(urgent)
    this.sayLast()
  }

  // -- drawing ------------------------------------------------------------------------

  // Long spans move slowly: they are drawn again when that is seen, or when there is something to see.
  draw(urgent) {
    const fresh = [...this.cards.values()].some((card) => card.fresh)
    const due = Math.max(fresh ? 300 : 900, (this.data.span * 1000) / 1500)
    if (!urgent && Date.now() - this.drawn < due) return
    if (document.hidden) return
    this.drawn = Date.now()
    const range = this.view ?? this.whole
    for (const card of this.cards.values()) card.draw(range)
    this.back.hidden = !this.view
    this.zoomed.textContent = this.view ? `${clock(range[0])} to ${clock(range[1])}` : ""
  }

  // What the passing of time alone changes: ages, and that the server is silent.
  tick() {
    if (this.stopped) return
    const silent = this.answered ? Date.now() - this.answered : 0
    const gone = silent > LOST && !document.hidden && !this.data.until
    if (gone) {
      const why = this.failure === "Reload this page" ? " Reload this page." : ""
      this.lost.textContent = `No answer from the monitor for ${duration(silent)}; what is shown is from then.${why}`
    }
    this.lost.hidden = !gone || Boolean(document.querySelector(".silence:not([hidden])")) // says the same
    for (const card of this.cards.values()) card.age(this.now, Boolean(this.data.until))
  }

  sayLast() {
    const { last } = this.events
    this.last.hidden = !last || !this.data.tags.length
    if (!last) return
    const text = `${last.id} ${last.state}`
    if (this.last.dataset.said === text) return
    this.last.dataset.said = text
    const link = element("a", "")
    link.href = new URL(`anomalies?event=${last.id}`, window.location.href).href
    link.textContent = "open"
    link.onclick = (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return
      event.preventDefault()
      this.setTriggerValue("opened", last.id)
    }
    const head = element("span", "quiet")
    head.textContent = "Last event  "
    const words = element("span", "")
    words.textContent = `${clock(last.time)}  ${last.text}, ${last.state}  `
    this.last.replaceChildren(head, words, link)
  }

  // The cross-hair over all charts, from the reading that is hovered in one of them.
  point(x, from) {
    for (const card of this.cards.values()) card.cross(x, card !== from)
  }
}

class Card {
  constructor(board) {
    this.board = board
    this.own = empty()
    this.rejected = []
    this.rangeY = null
    this.hovered = null
    this.section = element("section", "live-card")
    this.header = element("div", "card")
    this.label = element("h3", "label")
    this.value = element("span", "value")
    this.spark = document.createElementNS("http://www.w3.org/2000/svg", "svg")
    this.spark.setAttribute("class", "spark")
    this.spark.setAttribute("viewBox", "0 0 80 22")
    this.spark.setAttribute("aria-hidden", "true")
    this.normal = element("span", "quiet normal")
    this.aged = element("span", "quiet aged")
    this.verdict = element("span", "verdict")
    this.asTable = element("button", "tool")
    this.asTable.type = "button"
    this.asTable.textContent = "Table"
    this.asTable.onclick = () => this.showTable(this.table.hidden)
    this.header.append(
      this.label, this.value, this.spark, this.normal, this.aged, this.verdict, this.asTable,
    )
    this.plot = element("div", "plot")
    this.chart = element("div", "chart")
    this.hair = element("div", "hair")
    this.hair.hidden = true
    this.said = element("div", "hair-value")
    this.said.hidden = true
    this.plot.append(this.chart, this.hair, this.said)
    this.table = element("div", "card-table")
    this.table.hidden = true
    this.section.append(this.header, this.plot, this.table)
    this.showTable(false)
  }

  describe(tag, data) {
    this.tag = tag
    this.layout = data.layout
    this.palette = data.palette
    this.label.textContent = tag.label
    this.normal.textContent = tag.words
    this.section.setAttribute("aria-label", tag.label)
    this.section.dataset.tag = tag.name
    this.asTable.setAttribute("aria-label", `${tag.label} as a table`)
    this.chart.setAttribute("role", "img")
    this.plot.style.height = `${data.height}px`
    if (!this.head) this.value.textContent = "…"
    if (!this.chart.hasAttribute("aria-label")) this.chart.setAttribute("aria-label", `${tag.label}, no readings yet`)
  }

  remove() {
    this.board.Plotly?.purge(this.chart)
    this.section.remove()
  }

  age(now, past) {
    const { head, own } = this
    if (!head) {
      if (this.fresh) this.value.textContent = "no data"
      return
    }
    const old = now - head.time
    const stale = !past && own.stale > 0 && old > Math.max(own.stale, 3000)
    const words = past ? clock(head.time) : stale ? `${duration(old)} without data` : `${duration(old)} old`
    set(this.aged, words)
    this.aged.classList.toggle("abnormal", stale)
    this.aged.classList.toggle("quiet", !stale)
    set(this.value, head.value)
    set(this.verdict, head.abnormal ? `◆ ${head.verdict}` : head.verdict)
    this.verdict.classList.toggle("abnormal", head.abnormal)
    this.section.classList.toggle("abnormal-edge", head.abnormal || stale)
  }

  draw(range) {
    const { board, own } = this
    if (this.chart._dragging) return
    const whole = board.whole
    if (!board.view && !board.data.until) trim(own, whole[0] - 2000)
    this.rejected = this.rejected.filter((one) => one[0] >= whole[0])
    const events = (board.events.spans[this.tag.name] ?? []).filter((one) => one[1] >= whole[0])
    const [low, high] = this.rangeY ?? fitted(own, this.tag, range)
    const decimals = Math.max(0, -Math.floor(Math.log10((high - low) / 5)))
    const edges = (this.tag.normal ?? []).filter((one) => low < one && one < high)
    const { secondary } = this.palette
    const layout = {
      ...this.layout,
      height: board.data.height,
      dragmode: COARSE ? false : "zoom",
      xaxis: { ...this.layout.xaxis, range: [...range], fixedrange: COARSE },
      yaxis: { ...this.layout.yaxis, range: [low, high], tickformat: `,.${decimals}f`, fixedrange: COARSE },
      annotations: [
        {
          text: this.tag.unit, x: 0, y: 1, xref: "paper", yref: "paper", xanchor: "right", yanchor: "bottom",
          xshift: -6, yshift: 2, showarrow: false, font: { size: 11, color: secondary },
        },
      ],
      shapes: edges.map((y) => ({
        type: "line", xref: "paper", x0: 0, x1: 1, y0: y, y1: y, opacity: 0.45, layer: "below",
        line: { color: secondary, width: 1, dash: "dash" },
      })),
    }
    const span = [whole[0], Math.max(whole[1], range[1])]
    const drawn = traces(own, events, this.rejected, span, this.palette, this.plot.clientWidth < 500)
    const newest = own.x.length ? own.x[own.x.length - 1] : 0
    board.Plotly.react(this.chart, drawn, layout, CONFIG).then(() => {
      this.listen()
      this.section.dataset.newest = newest
      this.section.dataset.drawn = Date.now() + board.offset
      this.hoverAgain(range)
    })
    this.drawSpark()
    if (!this.table.hidden && this.fresh) this.fillTable()
    this.fresh = false
    const flags = own.k.reduce((sum, k) => sum + (k & 1), 0)
    const words = `${this.tag.label}: ${own.x.length} readings, ${flags} flagged; the button Table lists the newest`
    if (this.chart.getAttribute("aria-label") !== words) this.chart.setAttribute("aria-label", words)
  }

  listen() {
    if (this.listening) return
    this.listening = true
    const { board } = this
    this.chart.on("plotly_relayout", (change) => {
      const x = pair(change, "xaxis")
      const y = pair(change, "yaxis")
      if (y) this.rangeY = y
      if (x) board.zoom(x)
      else if (y) this.draw(board.view ?? board.whole)
    })
    this.chart.on("plotly_doubleclick", () => board.zoom(null))
    this.chart.on("plotly_hover", (event) => {
      if (!event.event?.isTrusted) return // our own, of hoverAgain
      // After drawing Plotly hovers again where the mouse last was: by then another reading lies there.
      if (event.event === this.pointing) return this.hoverAgain(board.view ?? board.whole)
      this.pointing = event.event
      this.hovered = milliseconds(event.points[0].x)
      board.point(this.hovered, this)
    })
    // Plotly's own unhover also comes with every drawing; the viewer has left when the mouse has.
    this.plot.onmouseleave = () => {
      this.hovered = this.pointing = null
      board.point(null, this)
    }
  }

  // Drawing takes the hover away; whoever looks at a reading goes on looking at it.
  hoverAgain(range) {
    const x = this.hovered
    if (x === null) return
    if (x < range[0] || x > range[1] || !this.chart.matches(":hover")) {
      this.hovered = null
      return this.board.point(null, this)
    }
    const xval = this.chart._fullLayout.xaxis.d2c(x) // Plotly counts in the browser's zone
    this.board.Plotly.Fx.hover(this.chart, { xval, yval: 0 }, "xy")
    this.board.point(x, this)
  }

  cross(x, label) {
    const axis = this.chart._fullLayout?.xaxis
    const hidden = x === null || !axis || x < milliseconds(axis.range[0]) || x > milliseconds(axis.range[1])
    this.hair.hidden = hidden
    this.said.hidden = hidden || !label
    if (hidden) return
    const left = axis._offset + axis.d2p(x)
    this.hair.style.left = `${left}px`
    const at = place(this.own.x, x + 1)
    if (!label || at < 0 || x - this.own.x[at] > 3 * (this.own.interval || 1000)) {
      this.said.hidden = true
      return
    }
    this.said.textContent = `${number(this.own.y[at], this.tag.decimals)} ${this.tag.unit}`.trim()
    const right = left > axis._offset + axis._length - 90
    this.said.style.left = right ? "auto" : `${left + 6}px`
    this.said.style.right = right ? `${this.plot.clientWidth - left + 6}px` : "auto"
  }

  drawSpark() {
    const values = this.own.y.slice(-SPARK)
    const low = Math.min(...values)
    const size = Math.max(Math.max(...values) - low, 4 * this.tag.resolution, 1e-12)
    const step = 78 / Math.max(1, values.length - 1)
    const points = values.map((y, i) => `${(1 + i * step).toFixed(1)},${(20 - (18 * (y - low)) / size).toFixed(1)}`)
    const path = points.length > 1 ? `<polyline points="${points.join(" ")}"/>` : ""
    if (this.spark.innerHTML !== path) this.spark.innerHTML = path
  }

  showTable(shown) {
    this.table.hidden = !shown
    this.asTable.setAttribute("aria-expanded", String(shown))
    if (shown) this.fillTable()
  }

  fillTable() {
    const { own, tag } = this
    const rows = []
    for (let i = own.x.length - 1; i >= 0 && rows.length < TABLE; i--) {
      const kind = own.k[i]
      const what = kind & 4 ? "✕ bad quality" : kind & 2 ? "○ uncertain" : kind & 1 ? "◆ anomaly" : ""
      const expected = own.e[i] === null ? "–" : band(own, i, tag)
      rows.push([clock(own.x[i]), number(own.y[i], tag.decimals), expected, number(own.z[i], 1), what])
    }
    const unit = tag.unit ? `, ${tag.unit}` : ""
    const head = ["Time", `Value${unit}`, `Expected${unit}`, "Score", "What"]
    const table = element("table", "figures")
    table.append(rowOf(head, "th"), ...rows.map((row) => rowOf(row, "td")))
    const caption = table.createCaption()
    caption.className = "quiet"
    caption.textContent = `The newest ${rows.length} readings of ${tag.label}`
    this.table.replaceChildren(table)
  }
}

const CONFIG = { displayModeBar: false, doubleClick: false, responsive: true, showTips: false }
const COARSE = window.matchMedia("(pointer: coarse)").matches // there, dragging scrolls the page
const LEGEND =
  "<span><i class='key band'></i>where the next reading is expected</span><span><b class='abnormal'>◆</b> anomaly</span>" +
  "<span><b class='abnormal'>⊓</b> event</span><span><b class='doubt'>○</b> uncertain</span>" +
  "<span><b class='doubt'>✕</b> bad quality</span><span><b>▽</b> rejected</span>" +
  "<span><i class='key gap'></i>no data</span><span><i class='key edge'></i>edge of the normal band</span>"

function band(own, i, tag) {
  return `${number(own.e[i], tag.decimals)} ± ${number(own.u[i] - own.e[i], tag.decimals)}`
}

function pair(change, axis) {
  const whole = change[`${axis}.range`]
  const low = whole ? whole[0] : change[`${axis}.range[0]`]
  const high = whole ? whole[1] : change[`${axis}.range[1]`]
  if (low === undefined || high === undefined) return null
  return axis === "xaxis" ? [milliseconds(low), milliseconds(high)] : [low, high]
}

// Plotly gives times of a date axis back as numbers or as text in the browser's zone.
function milliseconds(x) {
  return typeof x === "number" ? x : new Date(String(x).replace(" ", "T")).getTime()
}

function rowOf(cells, kind) {
  const row = element("tr", "")
  for (const text of cells) {
    const cell = element(kind, "")
    if (kind === "th") cell.scope = "col"
    cell.textContent = text
    row.append(cell)
  }
  return row
}
