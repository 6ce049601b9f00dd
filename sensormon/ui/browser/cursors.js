// Two cursors on a chart of time: where they are, what each line has there, and the difference.
//
// A cursor is a time in ms UTC. Lines are Plotly's traces with `meta` { label, unit, decimals }.
import { element } from "./dom.js"
import { clock, duration, number, place } from "./numbers.js"

const NAMES = ["A", "B"]
const RATES = [
  [2 * 60e3, 1e3, "s"],
  [2 * 3_600e3, 60e3, "min"],
  [Infinity, 3_600e3, "h"],
] // up to this difference (ms) the rate is per so many ms

// The cursors at their first places: a quarter of the view from each edge.
export function placed([start, end]) {
  return [0.25, 0.75].map((share) => start + share * (end - start))
}

// The cursors after a click at this time: the nearer one moves.
export function moved(cursors, time) {
  const nearer = Math.abs(time - cursors[0]) <= Math.abs(time - cursors[1]) ? 0 : 1
  return cursors.map((cursor, which) => (which === nearer ? time : cursor))
}

// The cursors as Plotly's shapes.
export function lines(cursors, color) {
  return cursors.map((x, which) => ({
    type: "line",
    xref: "x",
    yref: "paper",
    x0: x,
    x1: x,
    y0: 0,
    y1: 1,
    line: { color, width: 1.5 },
    label: { text: NAMES[which], textposition: "end", textangle: 0, font: { color, size: 12 }, xanchor: "left" },
  }))
}

// The value of a line at a time: that of the nearest reading, NaN in a gap and beyond the ends.
function valueAt(trace, time) {
  const at = place(trace.x, time)
  if (at < 0 || at >= trace.x.length || (at === trace.x.length - 1 && time > trace.x[at])) return NaN
  const next = Math.min(at + 1, trace.x.length - 1)
  // A line breaks at a point without a value, just after the last reading before the gap.
  if (!Number.isFinite(trace.y[at])) return NaN
  if (!Number.isFinite(trace.y[next])) return time - trace.x[at] < 1 ? trace.customdata[at] : NaN
  return time - trace.x[at] <= trace.x[next] - time ? trace.customdata[at] : trace.customdata[next]
}

// Fills `box` with a table: the two times, and for each line both values, their difference and its rate.
export function readout(box, cursors, traces) {
  const apart = cursors[1] - cursors[0]
  const [, unit, word] = RATES.find(([most]) => Math.abs(apart) <= most)
  const table = element("table", "cursor-table")
  const head = table.createTHead().insertRow()
  const words = ["Cursors", ...NAMES.map((name, which) => `${name} ${clock(cursors[which])}`)]
  const times = [...words, `B − A: ${apart < 0 ? "−" : ""}${duration(Math.abs(apart))}`, `Rate per ${word}`]
  for (const text of times) {
    const cell = element("th")
    cell.scope = "col"
    cell.textContent = text
    head.append(cell)
  }
  const body = table.createTBody()
  for (const trace of traces) {
    const { label, unit: of, decimals } = trace.meta
    const [a, b] = cursors.map((time) => valueAt(trace, time))
    const row = body.insertRow()
    const name = element("th")
    name.scope = "row"
    name.textContent = label
    row.append(name)
    const written = (value, more = 0, sign = "") =>
      Number.isFinite(value) ? `${value > 0 ? sign : ""}${number(value, decimals + more).replace("-", "−")} ${of}`.trim() : "no data"
    const rate = apart ? ((b - a) * unit) / apart : NaN
    const cells = [written(a), written(b), written(b - a, 0, "+"), written(rate, 1, "+")]
    for (const text of cells) row.insertCell().textContent = text
  }
  box.replaceChildren(table)
}
