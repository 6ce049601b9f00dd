// The card of one tag on the Live board: a phrase on its newest reading, its chart, its readings as a table.
import { CardMenu } from "./card_menu.js"
import { button, element, set } from "./dom.js"
import { LiveChart } from "./live_chart.js"
import { clock, duration, number } from "./numbers.js"
import { BAD, FLAGGED, Readings, take, UNCERTAIN } from "./readings.js"
import { markSeverity } from "./severity.js"
import { beginning, showKey, word } from "./states.js"

const BLANK = "\u00a0" // as high as a word
const ROWS = 15 // readings in the table
const TREND = 60 // readings in the small trend line
const STALE = 3000 // the shortest silence (ms) that counts as stale
const SPARE = 2000 // ms before the span for which readings are kept

export class Card {
  // `actions`: see LiveChart; also go(tag, act) for the menu, event(tag) is the id of its worst event now, which
  // open(event) shows.
  constructor(actions) {
    this.actions = actions
    this.readings = new Readings()
    this.rejected = [] // [time, words]
    this.head = null // the phrase on the newest reading, as the feed sends it
    this.fresh = false // there are readings that are not drawn yet
    this.chart = new LiveChart({ ...actions, flag: (time) => actions.flag(this.tag.name, time) })
    this.menu = new CardMenu((act) => actions.go(this.tag.name, act))
    this.build()
  }

  build() {
    const { actions } = this
    this.label = element("h3", "label")
    this.simulated = element("span", "simulated")
    this.badge = element("b")
    this.simulated.append(this.badge)
    this.value = element("span", "value")
    this.spark = document.createElementNS("http://www.w3.org/2000/svg", "svg")
    this.spark.setAttribute("class", "spark")
    this.spark.setAttribute("viewBox", "0 0 80 22")
    this.spark.setAttribute("aria-hidden", "true")
    this.normal = element("span", "quiet normal")
    this.aged = element("span", "quiet aged")
    this.verdict = element("span", "verdict")
    this.state = button("card-state", BLANK, () => actions.open(actions.event(this.tag.name)))
    this.state.disabled = true
    this.asTable = button("tool", "Table", () => this.showTable(this.table.hidden))
    this.key = element("div", "state-key quiet")
    this.table = element("div", "card-table")
    this.section = element("section", "live-card")
    const header = element("div", "card")
    const tools = element("span", "card-tools")
    tools.append(this.asTable, this.menu.node)
    const named = element("span", "card-named")
    named.append(this.label, this.simulated)
    header.append(named, this.value, this.spark, this.normal, this.aged, this.verdict, this.state, tools)
    this.section.append(header, this.chart.frame, this.key, this.table)
    this.showTable(false)
  }

  // The facts of the tag and how charts are drawn: sensormon/view/live_drawing.py.
  describe(tag, drawing) {
    this.tag = tag
    this.drawing = drawing
    this.label.textContent = tag.label
    this.normal.textContent = tag.words
    this.spark.style.display = tag.states ? "none" : ""
    this.key.hidden = !tag.states
    this.badge.textContent = tag.badge
    this.simulated.hidden = !tag.badge
    this.section.setAttribute("aria-label", tag.label)
    this.section.dataset.tag = tag.name
    this.asTable.setAttribute("aria-label", `${tag.label} as a table`)
    this.menu.describe(tag.label, tag.acts)
    if (!this.head) this.value.textContent = "…"
    this.chart.describe(tag, drawing)
  }

  remove() {
    this.chart.remove()
    this.section.remove()
  }

  // Takes what the tag is now: { state, event } of the feed, undefined if that is unknown.
  stand(now, { states, severities, calling }) {
    const word = states[now?.state] ?? ""
    this.calls = now?.state <= calling && now.event !== undefined && !word.startsWith("✓")
    set(this.state, word || BLANK)
    this.state.disabled = now?.event === undefined
    this.state.title = this.state.disabled ? "" : "Open the event"
    this.state.setAttribute("aria-label", word && !this.state.disabled ? `${word.replace(/^\W+/, "")}: open the event of ${this.tag.label}` : word)
    markSeverity(this.state, now?.state, { severities, calling })
  }

  // Takes this tag's part of an answer; false if some readings arrived late.
  take(news, whole) {
    return take(this, news, whole)
  }

  // Takes the recently rejected readings; returns whether there are new ones.
  reject(rejected, whole) {
    if (whole) {
      this.rejected = rejected
      return rejected.length > 0
    }
    const known = new Set(this.rejected.map(String))
    const fresh = rejected.filter((reading) => !known.has(String(reading)))
    this.rejected.push(...fresh)
    return fresh.length > 0
  }

  // Shows the phrase on the newest reading, and its age; `past` while the board is paused.
  age(now, past) {
    const { head, readings } = this
    if (!head) {
      if (this.fresh) this.value.textContent = this.tag.without
      return
    }
    const age = Math.max(0, now - head.arrived) // the sender's clock may differ from ours
    const stale = !past && readings.stale > 0 && age > Math.max(readings.stale, STALE)
    const words = past ? clock(head.time) : stale ? `${duration(age)} without data` : `${duration(age)} old`
    set(this.aged, words)
    this.aged.classList.toggle("abnormal", stale)
    this.aged.classList.toggle("quiet", !stale)
    set(this.value, head.value)
    set(this.verdict, head.abnormal ? `◆ ${head.verdict}` : head.verdict)
    if (this.verdict.title !== head.verdict) this.verdict.title = head.verdict // it may be cut
    if (this.tag.states && readings.count) {
      const { since, earlier } = beginning(readings)
      set(this.normal, `${earlier ? "since before" : "since"} ${clock(since)}`)
    }
    this.verdict.classList.toggle("abnormal", head.abnormal)
    this.section.classList.toggle("abnormal-edge", head.abnormal || stale || Boolean(this.calls))
  }

  // `whole` and `inView` are [from, to], `follows` is whether they move with the clock, `events` those of the
  // tag, `versions` changes of the settings, `offset` the server's clock minus the browser's; all in ms.
  draw({ Plotly, inView, whole, follows, offset, events, versions }) {
    if (this.chart.dragging) return
    const { readings } = this
    if (follows) readings.trim(whole[0] - SPARE)
    this.rejected = this.rejected.filter(([time]) => time >= whole[0])
    const current = { events: events.filter(([, end]) => end >= whole[0]), versions }
    const seen = { readings, rejected: this.rejected, ...current }
    const newest = readings.last ?? 0
    this.chart.draw(Plotly, { ...seen, inView, whole }).then(() => {
      this.section.dataset.newest = newest
      this.section.dataset.drawn = Date.now() + offset
    })
    if (this.tag.states) showKey(this.key, readings, this.drawing.states, [inView[0], Math.min(inView[1], whole[1])])
    else this.drawSpark()
    if (!this.table.hidden && this.fresh) this.fillTable()
    this.fresh = false
  }

  drawSpark() {
    const values = this.readings.y.slice(-TREND)
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
    const { readings, tag } = this
    const rows = []
    for (let row = readings.count - 1; row >= 0 && rows.length < ROWS; row--) rows.push(this.cells(row))
    const unit = tag.unit ? `, ${tag.unit}` : ""
    const head = tag.states ? ["Time", "State", "What"] : ["Time", `Value${unit}`, `Expected${unit}`, "Score", "What"]
    const table = element("table", "figures")
    table.append(tableRow(head, "th"), ...rows.map((cells) => tableRow(cells, "td")))
    table.querySelectorAll("button").forEach((opener) => {
      opener.onclick = () => this.actions.flag(tag.name, Number(opener.dataset.time))
    })
    const caption = table.createCaption()
    caption.className = "quiet"
    caption.textContent = `The newest ${rows.length} readings of ${tag.label}`
    this.table.replaceChildren(table)
  }

  cells(row) {
    const { x, y, e, u, z, k } = this.readings
    if (this.tag.states) return [clock(x[row]), word(this.readings, y[row]), kindWords(k[row])]
    const { decimals } = this.tag
    const band = e[row] === null ? "–" : `${number(e[row], decimals)} ± ${number(u[row] - e[row], decimals)}`
    const what = k[row] === FLAGGED || (k[row] & FLAGGED && !(k[row] & (BAD | UNCERTAIN))) ? opener(x[row]) : kindWords(k[row])
    return [clock(x[row]), number(y[row], decimals), band, number(z[row], 1), what]
  }
}

function kindWords(kind) {
  if (kind & BAD) return "✕ bad quality"
  if (kind & UNCERTAIN) return "○ uncertain"
  return kind & FLAGGED ? "◆ anomaly" : ""
}

// A flagged reading in the table, which leads to its event as its diamond does.
function opener(time) {
  const node = button("plain-link", "◆ anomaly")
  node.dataset.time = time
  node.title = "Open the event"
  return node
}

function tableRow(cells, kind) {
  const row = element("tr", "")
  for (const text of cells) {
    const cell = element(kind, "")
    if (kind === "th") cell.scope = "col"
    cell.append(text)
    row.append(cell)
  }
  return row
}
