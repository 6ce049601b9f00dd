// Several tags as lines over one time axis: those of one unit share a y axis, other units lie below it.
import { element } from "./dom.js"
import { changedRange, coarsePointer, CONFIG, milliseconds } from "./plotly.js"
import { fitted, tickDecimals } from "./y_range.js"

const APART = 26 // px between the charts of two units
const EDGES = 46 // px above and below them
const COARSE = coarsePointer()

export class LinesChart {
  // `zoom(range)` shows another part of the time (null: all of it).
  constructor({ zoom }) {
    this.zoom = zoom
    this.plot = element("div", "chart")
    this.plot.setAttribute("role", "img")
    this.frame = element("div", "plot")
    this.frame.append(this.plot)
  }

  // The height (px) that so many units need.
  static needs(units) {
    return EDGES + units * 34 + (units - 1) * APART
  }

  // `lines`: tag, colour, dashed, x (ms UTC), y, flags; `inView` is [from, to] in ms.
  draw(Plotly, { lines, drawing, height, inView }) {
    this.Plotly = Plotly
    this.frame.style.height = `${height}px`
    const units = [...new Set(lines.map(({ tag }) => tag.unit))]
    const { yaxis2, ...base } = drawing.layout
    const layout = { ...base, height, annotations: [] }
    layout.dragmode = COARSE ? false : base.dragmode
    const apart = APART / Math.max(1, height - EDGES)
    const size = Math.max(0.02, (1 - apart * (units.length - 1)) / units.length)
    for (const [place, unit] of units.entries()) {
      const of = lines.filter(({ tag }) => tag.unit === unit)
      const [low, high] = range(of, inView)
      const top = 1 - place * (size + apart)
      layout[`yaxis${place ? place + 1 : ""}`] = {
        ...base.yaxis,
        domain: [Math.max(0, top - size), Math.max(0, top)],
        range: [low, high],
        tickformat: `,.${tickDecimals(high - low)}f`,
        nticks: Math.max(2, Math.min(5, Math.floor((height * size) / 30))),
        fixedrange: true,
        anchor: "x",
      }
      layout.annotations.push({ ...of[0].tag.unit_label, y: top })
    }
    layout.xaxis = { ...base.xaxis, range: [...inView], fixedrange: COARSE, anchor: units.length > 1 ? `y${units.length}` : "y" }
    const axis = ({ tag }) => (units.indexOf(tag.unit) ? `y${units.indexOf(tag.unit) + 1}` : "y")
    const drawn = [
      ...lines.map((line) => ({
        type: "scatter",
        mode: "lines",
        x: line.x,
        y: line.y,
        yaxis: axis(line),
        line: { color: line.colour, width: 1.4, dash: line.dashed ? "dot" : "solid" },
        hovertemplate: `${plain(line.tag.label)}  %{y:,.${line.tag.decimals}f} ${plain(line.tag.unit)}<extra></extra>`,
      })),
      ...lines.map((line) => ({ ...drawing.traces.flagged, x: line.flags.x, y: line.flags.y, yaxis: axis(line) })),
    ]
    const words = lines.map(({ tag, flags }) => `${tag.label}, ${flags.x.length} flagged`).join("; ")
    if (this.plot.getAttribute("aria-label") !== words) this.plot.setAttribute("aria-label", words)
    return Plotly.react(this.plot, drawn, layout, CONFIG).then(() => this.listen())
  }

  listen() {
    if (this.listening) return
    this.listening = true
    this.plot.on("plotly_relayout", (change) => {
      const x = changedRange(change, "xaxis")
      if (x) this.zoom(x.map(milliseconds))
    })
    this.plot.on("plotly_doubleclick", () => this.zoom(null))
  }

  remove() {
    this.Plotly?.purge(this.plot)
  }
}

// The range that the readings in view need, with the room that the tags want.
function range(lines, [from, to]) {
  let [low, high] = [Infinity, -Infinity]
  for (const { x, y } of lines) {
    for (let row = 0; row < x.length; row++) {
      if (x[row] < from || x[row] > to || y[row] === null) continue
      low = Math.min(low, y[row])
      high = Math.max(high, y[row])
    }
  }
  return fitted({ low, high, lower: Infinity, upper: -Infinity }, lines[0].tag.y_rule)
}

// Text that Plotly shows as it is, not as markup or as a part of its template.
function plain(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("%{", "% {")
}
