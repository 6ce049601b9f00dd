// The Live board: a card per tag, refreshed from the feed twice a second without a rerun of the page.
//
// Zoom, pan and hover are the board's own state, kept across refreshes. All charts share one time axis and
// one cross-hair. What it is not: a judge; phrases and verdicts come from the feed.
import { Card } from "./card.js"
import { button, element, labelled, stylesheet } from "./dom.js"
import { Feed, LOST, RELOAD } from "./feed.js"
import { HeatStrip } from "./heat_strip.js"
import { clock, duration } from "./numbers.js"
import { plotly } from "./plotly.js"
import { inside, moved, scaled } from "./time_span.js"

const EVERY = 500 // ms between two updates of what changes with time alone
const NARROWEST = 1000 // the shortest span (ms) to zoom into
const LEAST = 2000 // the shortest span (ms) for the zoom buttons
const REST = 400 // ms without a movement before the address is updated

const LEGEND =
  "<span><i class='key band'></i>where the next reading is expected</span><span><b class='abnormal'>◆</b> anomaly</span>" +
  "<span><b class='abnormal'>⊓</b> event</span><span><b class='doubt'>○</b> uncertain</span>" +
  "<span><b class='doubt'>✕</b> bad quality</span><span><b>▽</b> rejected</span>" +
  "<span><i class='key gap'></i>no data</span><span><i class='key edge'></i>edge of the normal band</span>"

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
    this.cards = new Map()
    this.view = null // [from, to] in ms if the viewer has zoomed, null while the board follows the clock
    this.events = { spans: {}, last: null }
    this.versions = [] // changes of the settings: [time, words, hover]
    this.drawn = 0
    this.feed = new Feed({
      take: (answer, whole) => this.take(answer, whole),
      unavailable: () => this.setStateValue("unavailable", true),
    })
    this.build(root)
    this.ticking = setInterval(() => this.data && this.tick(), EVERY)
  }

  // `data` is described in sensormon/ui/live_board.py.
  update({ data, setStateValue, setTriggerValue }) {
    this.setStateValue = setStateValue
    this.setTriggerValue = setTriggerValue
    const text = JSON.stringify(data)
    if (text === this.text) return
    const before = this.data
    this.text = text
    this.data = data
    stylesheet("board.css")
    if (!before) this.view = data.view
    else if (before.span !== data.span) this.view = null
    this.show()
    this.drawn = 0
    const { key, span, until } = data
    this.feed.begin({ key, span, until, tags: data.tags.map((tag) => tag.name) })
    plotly().then(
      (Plotly) => {
        this.Plotly = Plotly
        this.feed.start()
      },
      () => this.setStateValue("unavailable", true),
    )
  }

  stop() {
    this.feed.stop()
    clearInterval(this.ticking)
    clearTimeout(this.resting)
    this.strip?.stop()
    for (const card of this.cards.values()) card.remove()
    this.cards.clear()
  }

  // -- elements ----------------------------------------------------------------------

  build(root) {
    this.lost = element("div", "alarm")
    this.lost.hidden = true
    this.lost.setAttribute("role", "status")
    this.stripPlace = element("div", "strip-place")
    this.tools = this.makeTools()
    this.list = element("div", "board-cards")
    this.last = element("div", "board-last")
    this.legend = element("div", "board-legend quiet")
    this.legend.innerHTML = LEGEND
    const body = element("div", "board")
    body.append(this.lost, this.stripPlace, this.tools, this.list, this.last, this.legend)
    root.append(body)
  }

  makeTools() {
    const tools = element("div", "board-tools")
    const tool = (text, words, action) => labelled(button("tool", text, action), text, words)
    this.zoomed = element("span", "quiet")
    this.zoomed.setAttribute("role", "status")
    this.back = tool("Back to now", "Follow the clock again", () => this.zoom(null))
    this.back.hidden = true
    tools.append(
      this.zoomed,
      this.back,
      tool("◀", "Earlier", () => this.move(-0.5, 1)),
      tool("▶", "Later", () => this.move(0.5, 1)),
      tool("−", "Zoom out", () => this.move(0, 2)),
      tool("+", "Zoom in", () => this.move(0, 0.5)),
    )
    return tools
  }

  // The strip and the cards that the data ask for.
  show() {
    const { data } = this
    if (data.strip.length) {
      this.strip ??= new HeatStrip(this.stripPlace, (name) => this.setTriggerValue("picked", name))
      this.strip.update(data)
    } else if (this.strip) {
      this.strip.stop()
      this.strip = undefined
    }
    const wanted = new Set(data.tags.map((tag) => tag.name))
    for (const [name, card] of this.cards) {
      if (wanted.has(name)) continue
      card.remove()
      this.cards.delete(name)
    }
    for (const tag of data.tags) {
      if (!this.cards.has(tag.name)) this.cards.set(tag.name, this.makeCard())
      const card = this.cards.get(tag.name)
      card.describe(tag, data.drawing)
      this.list.append(card.section)
    }
    this.list.hidden = this.tools.hidden = this.legend.hidden = !data.tags.length
  }

  makeCard() {
    return new Card({
      inView: () => this.inView,
      zoom: (range) => this.zoom(range),
      point: (time, from) => this.point(time, from),
    })
  }

  // -- the view -----------------------------------------------------------------------

  get whole() {
    const { now } = this.feed
    return [now - this.data.span * 1000, now]
  }

  get inView() {
    return this.view ?? this.whole
  }

  zoom(range) {
    this.view = range && range[1] - range[0] >= NARROWEST ? range : null
    if (!this.view) for (const card of this.cards.values()) card.chart.fitAgain()
    this.draw(true)
    clearTimeout(this.resting)
    this.resting = setTimeout(() => this.setStateValue("view", this.view?.map(Math.round) ?? null), REST)
  }

  // Moves the view by this share of its length, and makes it `factor` times as long.
  move(share, factor) {
    this.zoom(inside(scaled(moved(this.inView, share), factor, LEAST), this.whole))
  }

  // -- drawing -----------------------------------------------------------------------

  // Takes an answer of the feed; returns whether some readings arrived late.
  take(answer, whole) {
    let urgent = whole
    let late = false
    for (const [name, card] of this.cards) {
      const rejected = card.reject(answer.rejected[name] ?? [], whole)
      const news = answer.tags[name]
      if (news && !card.take(news, whole)) late = true
      urgent ||= rejected || Boolean(news?.k?.some((kind) => kind))
    }
    if (answer.events) {
      this.events = answer.events
      urgent = true
    }
    this.versions = answer.versions
    this.tick()
    this.draw(urgent)
    this.showLast()
    return late
  }

  // Long spans move slowly: they are redrawn when the movement is visible or there is something new.
  draw(urgent) {
    const fresh = [...this.cards.values()].some((card) => card.fresh)
    const due = Math.max(fresh ? 300 : 900, (this.data.span * 1000) / 1500)
    if (!urgent && Date.now() - this.drawn < due) return
    if (document.hidden) return
    this.drawn = Date.now()
    const { inView, whole, Plotly } = this
    const { offset } = this.feed
    const versions = this.versions.filter(([time]) => time >= inView[0] && time <= inView[1])
    const follows = !this.view && !this.data.until
    for (const [name, card] of this.cards) {
      card.draw({ Plotly, inView, whole, follows, offset, events: this.events.spans[name] ?? [], versions })
    }
    this.back.hidden = !this.view
    this.zoomed.textContent = this.view ? `${clock(inView[0])} to ${clock(inView[1])}` : ""
  }

  // Updates what changes with time alone: ages, and the notice of a silent server.
  tick() {
    const { silence, failure, now } = this.feed
    const past = Boolean(this.data.until)
    const lost = silence > LOST && !document.hidden && !past
    if (lost) {
      const reload = failure === RELOAD ? ` ${RELOAD}.` : ""
      this.lost.textContent = `No answer from the monitor for ${duration(silence)}; what is shown is from then.${reload}`
    }
    this.lost.hidden = !lost || Boolean(document.querySelector(".silence:not([hidden])")) // it says the same
    for (const card of this.cards.values()) card.age(now, past)
  }

  showLast() {
    const { last } = this.events
    this.last.hidden = !last || !this.data.tags.length
    if (!last) return
    const shown = `${last.id} ${last.state}`
    if (this.last.dataset.shown === shown) return
    this.last.dataset.shown = shown
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

  // The cross-hair over all charts, at the reading that the pointer is on in one of them.
  point(time, from) {
    for (const { chart } of this.cards.values()) chart.cross(time, chart !== from)
  }
}
