// The body of a tile of a chart: one tag as on the Live board, several numbers in one chart, states as bands.
//
// A long span is a line of few readings that the tile asks for once a minute.
import { element, set } from "./dom.js"
import { LiveChart } from "./live_chart.js"
import { LinesChart } from "./lines_chart.js"
import { FLAGGED, BAD } from "./readings.js"

const EVERY = 60_000 // ms between two answers of a long span
const SOON = 5000 // the same after a failure, or while the answer is not complete
const BAND = 56 // height (px) of a band of states beside a chart of lines
const LEAST = 90 // height (px) below which no chart is drawn

export class ChartPart {
  constructor(feeds) {
    this.feeds = feeds
    this.node = element("div", "tile-chart")
    this.legend = element("div", "tile-legend")
    this.place = element("div", "tile-plots")
    this.note = element("div", "quiet tile-note")
    this.node.append(this.legend, this.place, this.note)
    this.single = null // the chart of the only tag
    this.lines = null // the chart of several numbers
    this.bands = new Map()
    this.view = null
    this.drawn = 0
  }

  describe(facts, board) {
    this.board = board
    const text = JSON.stringify([facts.tags, facts.span, facts.long, board.colours, this.feeds.key])
    const size = JSON.stringify([facts.width, facts.height])
    if (size !== this.size) this.drawn = 0
    this.size = size
    if (text === this.text) return
    this.text = text
    this.facts = facts
    this.view = null
    this.clear()
    const numbers = facts.tags.filter(({ states }) => !states)
    const states = facts.tags.filter(({ states }) => states)
    const alone = facts.tags.length === 1 && !facts.long
    if (alone) this.single = this.liveChart(facts.tags[0])
    else {
      if (numbers.length) this.lines = new LinesChart({ zoom: (range) => this.zoom(range) })
      if (this.lines) this.place.append(this.lines.frame)
      if (!facts.long) for (const tag of states) this.bands.set(tag.name, this.liveChart(tag))
    }
    this.limit = facts.long && states.length ? "States are drawn over spans up to a day." : ""
    this.tell("")
    this.keys = numbers.map((tag, i) => ({ tag, colour: board.series[i % board.series.length], dashed: i >= board.series.length }))
    this.legend.replaceChildren(...(alone ? [] : this.keys.map(key)))
    this.legend.hidden = alone || !this.keys.length
    if (facts.long) this.ask()
  }

  tell(words) {
    set(this.note, [this.limit, words].filter(Boolean).join(" "))
    this.note.hidden = !this.note.textContent
  }

  liveChart(tag) {
    const chart = new LiveChart({ inView: () => this.inView, zoom: (range) => this.zoom(range), point: () => {} })
    chart.tagged = tag
    this.place.append(chart.frame)
    return chart
  }

  get whole() {
    if (this.history) return [this.history.since, this.history.until]
    return [this.feeds.now - this.facts.span * 1000, this.feeds.now]
  }

  get inView() {
    return this.view ?? this.whole
  }

  zoom(range) {
    this.view = range
    if (!range) for (const chart of this.live) chart.fitAgain()
    this.drawn = 0
    if (this.Plotly) this.draw(this.Plotly)
  }

  get live() {
    return this.single ? [this.single] : [...this.bands.values()]
  }

  // The phrase on the newest reading of the only tag.
  get said() {
    return this.single && this.feeds.of(this.facts.span, this.single.tagged.name).tag.head
  }

  // -- drawing ----------------------------------------------------------------------------

  // Long spans move slowly: they are drawn again when that shows, or if it is `urgent`.
  draw(Plotly, urgent) {
    this.Plotly = Plotly
    const { facts, place } = this
    const height = place.clientHeight
    const due = Math.max(300, (facts.span * 1000) / 1500)
    if (!urgent && height === this.height && Date.now() - this.drawn < due) return
    if (height < LEAST) return
    this.height = height
    this.drawn = Date.now()
    if (this.single) return this.drawLive(this.single, height)
    const bands = this.bands.size * BAND
    for (const chart of this.bands.values()) this.drawLive(chart, BAND)
    if (this.lines) this.drawLines(Math.max(LEAST, height - bands))
    this.fillLegend()
  }

  drawLive(chart, height) {
    const { tagged: tag } = chart
    const { layout, states } = this.board.drawing
    const drawing = {
      ...this.board.drawing,
      height,
      layout: { ...layout, height },
      states: { ...states, layout: { ...states.layout, height } },
    }
    chart.describe(tag, drawing)
    const { tag: kept, events, versions } = this.feeds.of(this.facts.span, tag.name)
    if (!kept.answered) return
    if (!this.view) this.feeds.trim(this.facts.span, kept.readings)
    const { inView, whole } = this
    const seen = { readings: kept.readings, rejected: [], events: events.filter(([, end]) => end >= whole[0]), versions }
    chart.draw(this.Plotly, { ...seen, inView, whole })
  }

  drawLines(height) {
    const units = new Set(this.keys.map(({ tag }) => tag.unit)).size
    const fits = height >= LinesChart.needs(units)
    this.lines.frame.hidden = !fits
    this.tell(fits ? "" : `Lines of ${units} units need a taller tile.`)
    if (!fits) return
    const lines = this.keys.map(({ tag, colour, dashed }) => ({ tag, colour, dashed, ...this.line(tag.name) }))
    const { drawing } = this.board
    this.lines.draw(this.Plotly, { lines, drawing, height, inView: this.inView })
  }

  line(name) {
    if (this.facts.long) return this.history?.tags[name] ?? { x: [], y: [], flags: { x: [], y: [] } }
    const { tag } = this.feeds.of(this.facts.span, name)
    if (!this.view) this.feeds.trim(this.facts.span, tag.readings)
    return course(tag.readings)
  }

  fillLegend() {
    for (const [i, { tag }] of this.keys.entries()) {
      const node = this.legend.children[i]
      const { head } = this.facts.long ? { head: null } : this.feeds.of(this.facts.span, tag.name).tag
      const past = this.facts.long ? this.history?.tags[tag.name] : null
      const flags = past?.flagged ? `◆ ${past.flagged.toLocaleString("en-US")}` : ""
      set(node.lastChild, head ? `${head.abnormal ? "◆ " : ""}${head.value}` : flags)
      node.lastChild.classList.toggle("abnormal", Boolean(head?.abnormal || past?.flagged))
    }
  }

  age() {
    if (this.facts && !this.facts.long && this.keys && !this.legend.hidden) this.fillLegend()
  }

  // -- long spans -------------------------------------------------------------------------

  ask() {
    const names = this.keys.map(({ tag }) => tag.name)
    if (!names.length) return
    const pause = (answer) => (answer?.complete ? EVERY : SOON)
    this.stopAsking = this.feeds.asking("history", this.facts.span, names, (answer) => this.take(answer), pause)
  }

  take(history) {
    this.history = history
    this.drawn = 0
    if (this.Plotly) this.draw(this.Plotly)
  }

  clear() {
    this.stopAsking?.()
    this.stopAsking = null
    this.history = null
    this.height = 0
    for (const chart of this.live) chart.remove()
    this.lines?.remove()
    this.single = this.lines = null
    this.bands.clear()
    this.place.replaceChildren()
  }

  remove() {
    this.clear()
  }
}

// The good readings as a line that breaks at gaps, and the flagged ones.
function course(readings) {
  const line = { x: [], y: [], flags: { x: [], y: [] } }
  for (let row = 0; row < readings.count; row++) {
    const kind = readings.k[row]
    if (kind & BAD) continue
    const time = readings.x[row]
    if (readings.cut.has(time) && line.x.length) {
      line.x.push(time)
      line.y.push(null)
    }
    line.x.push(time)
    line.y.push(readings.y[row])
    if (kind & FLAGGED) {
      line.flags.x.push(time)
      line.flags.y.push(readings.y[row])
    }
  }
  return line
}

function key({ tag, colour, dashed }) {
  const node = element("span", "tile-key")
  const swatch = element("i", "")
  swatch.style.borderTopColor = colour
  if (dashed) swatch.style.borderTopStyle = "dotted"
  const label = element("span", "")
  label.textContent = tag.label
  const value = element("b", "")
  node.append(swatch, label, value)
  return node
}
