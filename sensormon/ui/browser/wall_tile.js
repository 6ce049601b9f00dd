// A tag on the wall screen: its value, its state now, and a small trace.
import { element, set } from "./dom.js"
import { clock, duration } from "./numbers.js"
import { BAD, FLAGGED, Readings, take } from "./readings.js"
import { beginning } from "./states.js"

const STALE = 3000 // the shortest silence (ms) that counts as stale
const [WIDE, HIGH] = [300, 60] // the trace's own units
const SVG = "http://www.w3.org/2000/svg"

export class WallTile {
  // `tag` is described in sensormon/view/live_drawing.py, `span` is in seconds.
  constructor(tag, span) {
    this.tag = tag
    this.span = span * 1000
    this.readings = new Readings()
    this.head = null
    this.node = element("section", "wall-tile")
    this.node.setAttribute("aria-label", tag.label)
    const label = element("h3", "")
    label.textContent = tag.label
    if (tag.badge) {
      const badge = element("span", "simulated")
      badge.append(element("b", ""))
      badge.firstChild.textContent = tag.badge
      label.append(" ", badge)
    }
    this.value = element("div", "wall-value")
    this.value.textContent = "…"
    this.state = element("div", "wall-state quiet")
    this.trace = document.createElementNS(SVG, "svg")
    this.trace.setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`)
    this.trace.setAttribute("preserveAspectRatio", "none")
    this.trace.setAttribute("aria-hidden", "true")
    this.line = document.createElementNS(SVG, "path")
    this.marks = document.createElementNS(SVG, "path")
    this.marks.setAttribute("class", "marks")
    this.trace.append(this.line, this.marks)
    this.node.append(label, this.value, this.state, this.trace)
  }

  // When the newest reading arrived (ms UTC); undefined without one.
  get arrived() {
    return this.head?.arrived
  }

  // Takes this tag's part of an answer; false if some readings arrived late.
  take(news, whole) {
    return take(this, news, whole)
  }

  age(now) {
    const { head, readings } = this
    if (!head) {
      if (this.fresh) set(this.value, this.tag.without)
      return
    }
    const age = Math.max(0, now - head.arrived)
    const stale = readings.stale > 0 && age > Math.max(readings.stale, STALE)
    const words = stale ? `${duration(age)} without data` : head.abnormal ? `◆ ${head.verdict}` : this.calm
    set(this.value, head.value)
    set(this.state, words)
    this.node.classList.toggle("abnormal-tile", stale || head.abnormal)
    this.node.classList.toggle("stale", stale)
  }

  get calm() {
    if (!this.tag.states || !this.readings.count) return this.tag.words || "as expected"
    const { since, earlier } = beginning(this.readings)
    return `${earlier ? "since before" : "since"} ${clock(since)}`
  }

  draw(now) {
    const { readings } = this
    readings.trim(now - this.span)
    if (this.tag.states) return
    const rows = []
    for (let row = 0; row < readings.count; row++) {
      if (!(readings.k[row] & BAD) && readings.y[row] !== null && readings.x[row] >= now - this.span) rows.push(row)
    }
    const values = rows.map((row) => readings.y[row])
    const low = values.reduce((least, value) => Math.min(least, value), Infinity)
    const high = values.reduce((most, value) => Math.max(most, value), -Infinity)
    const size = Math.max(high - low, 4 * this.tag.resolution, 1e-12)
    const middle = (low + high) / 2
    const place = (row) => {
      const x = WIDE * (1 - (now - readings.x[row]) / this.span)
      const y = HIGH / 2 - ((readings.y[row] - middle) / size) * (HIGH - 12)
      return [x.toFixed(1), y.toFixed(1)]
    }
    let line = ""
    let marks = ""
    for (const [number, row] of rows.entries()) {
      const [x, y] = place(row)
      line += `${number && !readings.cut.has(readings.x[row]) ? "L" : "M"}${x} ${y}`
      if (readings.k[row] & FLAGGED) marks += `M${x} ${y}h0`
    }
    this.line.setAttribute("d", line)
    this.marks.setAttribute("d", marks)
  }
}
