// The readings of one tag as Plotly traces. Their style comes with `drawing` (sensormon/view/live_drawing.py).
import { number } from "./numbers.js"
import { BAD, FLAGGED, OFF_BAND, UNCERTAIN } from "./readings.js"

// `events` are [start, end], `rejected` [time, words], `span` the longest span of the chart; all in ms.
export function traces({ readings, tag, drawing, events, rejected, span, narrow }) {
  const style = drawing.traces
  return [
    { ...style.band, ...band(readings, drawing) },
    { ...style.event, ...tint(events) },
    ...noData(readings, drawing, span),
    { ...style.line, ...line(readings, tag) },
    { ...style.uncertain, ...marks(readings, UNCERTAIN) },
    { ...style.bad, ...marks(readings, BAD), hovertemplate: completed(tag.hover.bad, readings) },
    flagged(readings, drawing, narrow),
    { ...style.bracket, ...bracket(events, drawing) },
    { ...style.rejected, ...refusals(rejected, drawing) },
  ]
}

// A hover text filled with the feed's values for these readings; `score` is the name of a score.
function completed(template, readings, score = "") {
  return template.replace("{clock}", () => readings.clock).replace("{score}", () => score)
}

function line(readings, tag) {
  const x = []
  const y = []
  const customdata = []
  const text = []
  const hovertemplate = []
  const names = [...new Set(readings.s)]
  const judged = new Map(names.map((name) => [name, completed(tag.hover.judged, readings, name)]))
  const scored = new Map(names.map((name) => [name, completed(tag.hover.scored, readings, name)]))
  const unjudged = completed(tag.hover.unjudged, readings)
  for (let row = 0; row < readings.count; row++) {
    if (readings.k[row] & BAD) continue
    const time = readings.x[row]
    if (readings.cut.has(time) && x.length) {
      x.push((x[x.length - 1] + time) / 2)
      y.push(null)
      customdata.push([null, null, null])
      text.push("")
      hovertemplate.push("")
    }
    const expected = readings.e[row]
    x.push(time)
    y.push(readings.y[row])
    customdata.push([expected, readings.u[row] - expected, readings.z[row]])
    text.push(readings.k[row] & FLAGGED ? (readings.why.get(time) ?? "") : "")
    const without = readings.z[row] === null ? unjudged : scored.get(readings.s[row])
    hovertemplate.push(expected === null ? without : judged.get(readings.s[row]))
  }
  return { x, y, customdata, text, hovertemplate }
}

// One closed outline per stretch with a band; it passes flagged readings by that have another detector's.
function band(readings, { bridged }) {
  const x = []
  const y = []
  let rows = []
  let passed = 0
  const close = () => {
    if (rows.length > 1) {
      for (const row of rows) x.push(readings.x[row]), y.push(readings.u[row])
      for (const row of rows.reverse()) x.push(readings.x[row]), y.push(readings.l[row])
      x.push(null), y.push(null)
    }
    rows = []
  }
  for (let row = 0; row < readings.count; row++) {
    const off = readings.k[row] & OFF_BAND
    if (off) passed++
    const apart = row - rows[rows.length - 1] - passed > bridged
    if (readings.cut.has(readings.x[row]) || (rows.length && apart)) close()
    if (readings.e[row] === null || off) continue
    rows.push(row)
    passed = 0
  }
  close()
  return { x, y }
}

function tint(events) {
  return {
    x: events.flatMap(([left, right]) => [left, right, right, left, left, null]),
    y: events.flatMap(() => [0, 0, 1, 1, 0, null]),
  }
}

function bracket(events, { bracket_foot: foot }) {
  return {
    x: events.flatMap(([left, right]) => [left, left, right, right, null]),
    y: events.flatMap(() => [foot, 1, 1, foot, null]),
  }
}

// The hatched strip on the time axis, and points that say "no data" on hover.
export function noData(readings, drawing, span) {
  const { gap_height: height, traces: style } = drawing
  const strip = { x: [], y: [] }
  const points = { x: [], y: [], text: [] }
  const step = (span[1] - span[0]) / drawing.gap_points
  for (const [start, end] of readings.gapsUntil(...span)) {
    const left = Math.max(start, span[0])
    const right = Math.min(end, span[1])
    if (right <= left) continue
    strip.x.push(left, right, right, left, left, null)
    strip.y.push(0, 0, height, height, 0, null)
    const seconds = (end - start) / 1000
    const length = seconds < 120 ? `${number(seconds, 0)} s` : `${number(seconds / 60, 0)} min`
    const count = Math.max(1, Math.floor((right - left) / step))
    for (let i = 0; i < count; i++) {
      points.x.push(left + ((right - left) * (i + 0.5)) / count)
      points.y.push(height / 2)
      points.text.push(`no data for ${length}`)
    }
  }
  return [
    { ...style.gap, ...strip },
    { ...style.gap_words, ...points },
  ]
}

// The readings of this kind.
function marks(readings, kind) {
  const x = []
  const y = []
  for (let row = 0; row < readings.count; row++) {
    if (readings.k[row] & kind) x.push(readings.x[row]), y.push(readings.y[row])
  }
  return { x, y }
}

function flagged(readings, drawing, narrow) {
  const style = drawing.traces.flagged
  const [usual, crowded] = narrow ? drawing.narrow_flag_sizes : drawing.flag_sizes
  const size = readings.flagged < drawing.crowded ? usual : crowded
  return { ...style, ...marks(readings, FLAGGED), marker: { ...style.marker, size } }
}

// Rejected readings have no place among the values: they are drawn below the upper edge.
export function refusals(rejected, { rejected_height: height }) {
  return {
    x: rejected.map(([time]) => time),
    y: rejected.map(() => height),
    text: rejected.map(([, words]) => words.replaceAll("<", "&lt;")),
  }
}
