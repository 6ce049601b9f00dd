// A tag's chart on the Live board, drawn by Plotly; hover and cross-hair outlast every drawing.
import { element } from "./dom.js"
import { number, place } from "./numbers.js"
import { axisTime, changedRange, coarsePointer, CONFIG, milliseconds } from "./plotly.js"
import { FLAGGED, Readings } from "./readings.js"
import { stateTraces, word } from "./states.js"
import { noData, refusals, traces } from "./traces.js"
import { fitted, tickDecimals } from "./y_range.js"

const NARROW = 500 // px below which flags are drawn smaller
const NEAR = 11 // px around a diamond that belong to it
const STILL = 4 // px that a click may move
const LEAST = 8 // px of the shortest drag that zooms the values
const SAID = 90 // width (px) of the value beside the cross-hair
const RELEASE = ["pointerup", "pointercancel"]
const COARSE = coarsePointer()

export class LiveChart {
  // `actions`: inView() is the part in view, zoom(range) shows another part (null: all of it),
  // point(time, chart) puts the cross-hair there; `chart` is the one that the pointer is on. flag(time) opens the
  // event of the flagged reading of that time.
  constructor(actions) {
    this.actions = actions
    this.readings = new Readings()
    this.rangeY = null // the zoomed y range; null while the axis fits the readings
    this.hovered = null // the time of the reading that the pointer is on
    this.dragging = false // the pointer is held down: a redraw would interrupt the viewer
    this.plot = element("div", "chart")
    this.plot.setAttribute("role", "img")
    this.hair = element("div", "hair")
    this.hair.hidden = true
    this.value = element("div", "hair-value")
    this.value.hidden = true
    this.frame = element("div", "plot")
    this.frame.append(this.plot, this.hair, this.value)
    this.range = element("div", "y-range")
    this.range.hidden = true
    this.frame.append(this.range)
    this.plot.addEventListener("pointerdown", (event) => this.pressed(event), true)
    this.plot.addEventListener("mousedown", (event) => this.stretching && event.stopImmediatePropagation(), true)
    this.plot.addEventListener("pointermove", (event) => this.moved(event))
    this.plot.addEventListener("click", (event) => this.clicked(event), true)
    this.onRelease = (event) => this.released(event)
    for (const name of RELEASE) window.addEventListener(name, this.onRelease, true)
  }

  describe(tag, drawing) {
    this.tag = tag
    this.drawing = drawing
    this.frame.style.height = `${tag.states ? drawing.states.layout.height : drawing.height}px`
    if (!this.plot.hasAttribute("aria-label")) this.plot.setAttribute("aria-label", `${tag.label}, no readings yet`)
  }

  remove() {
    for (const name of RELEASE) window.removeEventListener(name, this.onRelease, true)
    this.Plotly?.purge(this.plot)
  }

  // Resets the zoom of the y axis.
  fitAgain() {
    this.rangeY = null
  }

  // `seen`: readings, rejected, events, versions, inView, whole; see `Card.draw`. Resolves when it is drawn.
  async draw(Plotly, seen) {
    this.Plotly = Plotly
    this.seen = seen
    this.readings = seen.readings
    const { tag, drawing, readings } = this
    const { whole, inView, events, rejected } = seen
    const span = [whole[0], Math.max(whole[1], inView[1])]
    const narrow = this.frame.clientWidth < NARROW
    const drawn = tag.states
      ? [...noData(readings, drawing, span), ...stateTraces(readings, drawing.states, whole)]
      : traces({ readings, tag, drawing, events, rejected, span, narrow })
    if (tag.states && rejected.length) drawn.push({ ...drawing.traces.rejected, ...refusals(rejected, drawing) })
    this.describeReadings()
    await Plotly.react(this.plot, drawn, this.layout(inView), CONFIG)
    this.listen()
    this.hoverAgain()
  }

  layout(inView) {
    const { layout, edge, states } = this.drawing
    if (this.tag.states) {
      const xaxis = { ...layout.xaxis, range: [...inView], fixedrange: COARSE }
      const dragmode = COARSE ? false : layout.dragmode
      return { ...layout, ...states.layout, dragmode, xaxis, annotations: this.versionLabels(), shapes: this.versionLines() }
    }
    const [low, high] = this.rangeY ?? fitted(this.readings.extremes(inView), this.tag.y_rule)
    const tickformat = `,.${tickDecimals(high - low)}f`
    const edges = (this.tag.normal ?? []).filter((y) => low < y && y < high)
    return {
      ...layout,
      dragmode: COARSE ? false : layout.dragmode,
      xaxis: { ...layout.xaxis, range: [...inView], fixedrange: COARSE },
      yaxis: { ...layout.yaxis, range: [low, high], tickformat, fixedrange: true }, // dragging zooms the time; see pressed
      annotations: [this.tag.unit_label, ...this.versionLabels()],
      shapes: [...edges.map((y) => ({ ...edge, y0: y, y1: y })), ...this.versionLines()],
    }
  }

  // Changes of the settings, [time, words, hover], as lines with a label.
  versionLines() {
    return this.seen.versions.map(([x]) => ({ ...this.drawing.version.line, x0: x, x1: x }))
  }

  versionLabels() {
    return this.seen.versions.map(([x, text, hovertext]) => ({ ...this.drawing.version.label, x, text, hovertext }))
  }

  // -- the pointer ---------------------------------------------------------------------------

  // With Shift a drag zooms the values, which Plotly would do together with the time or not at all.
  pressed(event) {
    if (event.button !== 0) return
    this.dragging = true
    this.start = [event.clientX, event.clientY]
    this.stretching = event.shiftKey && !COARSE && !this.tag.states && Boolean(this.edges())
  }

  moved(event) {
    if (!event.buttons) {
      if (this.dragging) this.released()
      this.plot.classList.toggle("on-flag", this.flagAt(event) !== null)
      return
    }
    if (!this.stretching) return
    const [top, bottom] = this.stretch(event)
    this.range.hidden = false
    this.range.style.top = `${top}px`
    this.range.style.height = `${bottom - top}px`
  }

  released(event) {
    const stretched = this.stretching && event?.type === "pointerup" ? this.stretch(event) : null
    this.dragging = this.stretching = false
    this.range.hidden = true
    if (!stretched || stretched[1] - stretched[0] < LEAST) return
    const { top, height, low, high } = this.edges()
    const value = (y) => high - ((y - top) / height) * (high - low)
    this.rangeY = [value(stretched[1]), value(stretched[0])]
    this.draw(this.Plotly, { ...this.seen, inView: this.actions.inView() })
  }

  // The part of the plot area between the press and here, from top to bottom in px of the frame.
  stretch(event) {
    const { top, height } = this.edges()
    const frame = this.frame.getBoundingClientRect().top
    const inside = (y) => Math.min(Math.max(y - frame, top), top + height)
    return [inside(this.start[1]), inside(event.clientY)].sort((a, b) => a - b)
  }

  // The plot area (px) and the values at its edges; null before the first drawing.
  edges() {
    const { _fullLayout: layout } = this.plot
    if (!layout?.yaxis) return null
    const [low, high] = layout.yaxis.range
    const { t, b } = layout.margin
    return { top: t, height: this.plot.clientHeight - t - b, low, high }
  }

  clicked(event) {
    const [x, y] = this.start ?? [event.clientX, event.clientY]
    if (Math.abs(event.clientX - x) > STILL || Math.abs(event.clientY - y) > STILL) return
    const time = this.flagAt(event)
    if (time !== null) this.actions.flag(time)
  }

  // The time of the flagged reading whose diamond is under the pointer; null if none is.
  flagAt(event) {
    const edges = this.tag?.states ? null : this.edges()
    if (!edges) return null
    const box = this.frame.getBoundingClientRect()
    const { top, height, low, high } = edges
    const { x, y, k, count } = this.readings
    let nearest = null
    let least = NEAR ** 2
    for (let row = 0; row < count; row++) {
      if (!(k[row] & FLAGGED)) continue
      const left = this.position(x[row])?.left
      if (left === undefined) continue
      const below = top + ((high - y[row]) / (high - low)) * height
      const apart = (left + box.left - event.clientX) ** 2 + (below + box.top - event.clientY) ** 2
      if (apart > least) continue
      least = apart
      nearest = x[row]
    }
    return nearest
  }

  describeReadings() {
    const { count, flagged } = this.readings
    const now = count && this.tag.states ? `, now ${word(this.readings, this.readings.y[count - 1])}` : ""
    const flags = this.tag.states ? now : `, ${flagged} flagged`
    const words = `${this.tag.label}: ${count} readings${flags}; the button Table lists the newest`
    if (this.plot.getAttribute("aria-label") !== words) this.plot.setAttribute("aria-label", words)
  }

  listen() {
    if (this.listening) return
    this.listening = true
    const { zoom, point } = this.actions
    this.plot.on("plotly_relayout", (change) => {
      const x = changedRange(change, "xaxis")
      if (x) zoom(x.map(milliseconds))
    })
    this.plot.on("plotly_doubleclick", () => zoom(null))
    this.plot.on("plotly_hover", ({ event, points }) => {
      if (!event?.isTrusted) return // our own event, from hoverAgain
      // After a redraw Plotly hovers again at the last mouse position, where another reading lies by then.
      if (event === this.pointing) return this.hoverAgain()
      this.pointing = event
      this.hovered = milliseconds(points[0].x)
      point(this.hovered, this)
    })
    // Plotly's own unhover also fires at every redraw; only a mouse leave means that the viewer left.
    this.frame.onmouseleave = () => this.leave()
  }

  leave() {
    this.hovered = this.pointing = null
    this.actions.point(null, this)
  }

  // A redraw removes the hover; restore it, so that the viewer keeps the reading.
  hoverAgain() {
    const time = this.hovered
    if (time === null) return
    const [from, to] = this.actions.inView()
    if (time < from || time > to || !this.plot.matches(":hover")) {
      this.hovered = null
      return this.actions.point(null, this)
    }
    this.Plotly.Fx.hover(this.plot, { xval: axisTime(time), yval: 0 }, "xy")
    this.actions.point(time, this)
  }

  // The position of a time (px from the frame's left edge), and the end of the plot area; null if out of view.
  position(time) {
    const { layout } = this.plot
    if (time === null || !layout) return null
    const [from, to] = layout.xaxis.range.map(milliseconds)
    if (time < from || time > to) return null
    const { l, r } = layout.margin
    const end = this.plot.clientWidth - r
    const share = (axisTime(time) - axisTime(from)) / (axisTime(to) - axisTime(from))
    return { left: l + share * (end - l), end }
  }

  // The cross-hair at this time, with the value that the tag had then if `valued`; none without a time.
  cross(time, valued) {
    const at = this.position(time)
    const { readings, tag } = this
    this.hair.hidden = !at
    const row = at && valued ? place(readings.x, time + 1) : -1
    this.value.hidden = row < 0 || time - readings.x[row] > 3 * (readings.interval || 1000)
    if (at) this.hair.style.left = `${at.left}px`
    if (this.value.hidden) return
    const figure = () => `${number(readings.y[row], tag.decimals)} ${tag.unit}`.trim()
    this.value.textContent = tag.states ? word(readings, readings.y[row]) : figure()
    const before = at.left > at.end - SAID
    this.value.style.left = before ? "auto" : `${at.left + 6}px`
    this.value.style.right = before ? `${this.frame.clientWidth - at.left + 6}px` : "auto"
  }
}
