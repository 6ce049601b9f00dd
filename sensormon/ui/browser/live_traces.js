// The readings of one tag as Plotly traces, drawn like those of sensormon/view/traces.py and charts.py.

import { place } from "./numbers.js"

const BRIDGED = 3 // the band runs on over so many readings that have none
const CROWDED = 150 // with so many flags the marks are drawn smaller
const still = { hoverinfo: "skip" }

const FLAGGED = 1
const UNCERTAIN = 2
const BAD = 4

// Columns as the feed tells them, kept up to date by `append` and `trim`.
export function empty() {
  return { x: [], y: [], e: [], l: [], u: [], z: [], k: [], cut: new Set(), why: new Map(), gaps: [] }
}

const COLUMNS = ["x", "y", "e", "l", "u", "z", "k"]

// False where some came late. They stand in their place at once, but only an answer of the whole span
// says how lines, gaps and what came after them look now.
export function append(own, told) {
  const last = own.x.length ? own.x[own.x.length - 1] : -Infinity
  for (const one of told.cut) own.cut.add(told.x[one])
  let flag = 0
  for (const [i, x] of told.x.entries()) {
    if (told.k[i] & FLAGGED) own.why.set(x, told.why[flag++])
    const at = x > last ? own.x.length : place(own.x, x) + 1 // two of one time are two
    for (const name of COLUMNS) own[name].splice(at, 0, told[name][i])
  }
  const interval = told.interval || own.interval || 0
  const gap = told.gap || own.gap || 0
  const next = told.x.find((x) => x > last)
  if (gap && last !== -Infinity && next - last > gap) {
    own.cut.add(next)
    if (!told.gaps.some((one) => one[0] === last)) own.gaps.push([last, next])
  }
  own.gaps.push(...told.gaps.filter((one) => !own.gaps.some((other) => other[0] === one[0])))
  Object.assign(own, { interval, gap, stale: told.stale || own.stale || 0, hover: told.hover })
  return !told.x.length || told.x[0] >= last
}

export function trim(own, since) {
  let gone = 0
  while (gone < own.x.length && own.x[gone] < since) gone++
  if (gone < 50) return
  for (const one of own.x.slice(0, gone)) {
    own.cut.delete(one)
    own.why.delete(one)
  }
  for (const name of COLUMNS) own[name].splice(0, gone)
  own.gaps = own.gaps.filter((one) => one[1] >= since)
}

export function traces(own, events, rejected, span, palette, narrow) {
  return [
    band(own, palette),
    tint(events, palette),
    ...noData(gapsNow(own, span), span, palette),
    line(own, palette),
    marks(own, (k) => k & UNCERTAIN, "circle-open", palette.uncertain, 8, 1.5),
    bad(own, palette),
    flagged(own, palette, narrow),
    bracket(events, palette),
    refusals(rejected, palette),
  ]
}

// The gaps that were told, and the one that lasts up to now.
function gapsNow(own, span) {
  const last = own.x.length ? own.x[own.x.length - 1] : span[0]
  const open = own.x.length ? own.gap && span[1] - last > own.gap : true
  return open ? [...own.gaps, [last, span[1]]] : own.gaps
}

function line(own, palette) {
  const x = []
  const y = []
  const custom = []
  const text = []
  const template = []
  for (let i = 0; i < own.x.length; i++) {
    if (own.k[i] & BAD) continue
    if (own.cut.has(own.x[i]) && x.length) {
      x.push((x[x.length - 1] + own.x[i]) / 2)
      y.push(null)
      custom.push([null, null, null])
      text.push("")
      template.push("")
    }
    x.push(own.x[i])
    y.push(own.y[i])
    custom.push([own.e[i], own.u[i] - own.e[i], own.z[i]])
    text.push(own.k[i] & FLAGGED ? (own.why.get(own.x[i]) ?? "") : "")
    template.push(own.hover[own.e[i] === null ? 1 : 0])
  }
  return {
    type: "scatter",
    mode: "lines",
    x,
    y,
    customdata: custom,
    text,
    hovertemplate: template,
    hoverinfo: "y",
    line: { color: palette.line, width: 1.4 },
    connectgaps: false,
  }
}

function band(own, palette) {
  const x = []
  const y = []
  let rows = []
  const close = () => {
    if (rows.length > 1) {
      for (const i of rows) x.push(own.x[i]), y.push(own.u[i])
      for (let j = rows.length - 1; j >= 0; j--) x.push(own.x[rows[j]]), y.push(own.l[rows[j]])
      x.push(null), y.push(null)
    }
    rows = []
  }
  for (let i = 0; i < own.x.length; i++) {
    const torn = own.cut.has(own.x[i]) || (rows.length && i - rows[rows.length - 1] > BRIDGED)
    if (torn) close()
    if (own.e[i] !== null) rows.push(i)
  }
  close()
  return {
    type: "scatter", mode: "lines", x, y, fill: "toself", fillcolor: palette.band, line: { width: 0 }, ...still,
  }
}

function tint(events, palette) {
  const x = []
  const y = []
  for (const [left, right] of events) {
    x.push(left, right, right, left, left, null)
    y.push(0, 0, 1, 1, 0, null)
  }
  return {
    type: "scatter", mode: "lines", x, y, yaxis: "y2", fill: "toself", fillcolor: palette.anomaly, opacity: 0.1,
    line: { width: 0 }, ...still,
  }
}

function bracket(events, palette) {
  const x = []
  const y = []
  for (const [left, right] of events) {
    x.push(left, left, right, right, null)
    y.push(0.955, 1, 1, 0.955, null)
  }
  return {
    type: "scatter", mode: "lines", x, y, yaxis: "y2", line: { color: palette.anomaly, width: 1.5 }, cliponaxis: false,
    ...still,
  }
}

function noData(gaps, span, palette) {
  const strip = { x: [], y: [] }
  const points = { x: [], text: [] }
  const step = (span[1] - span[0]) / 60
  for (const [start, end] of gaps) {
    const left = Math.max(start, span[0])
    const right = Math.min(end, span[1])
    if (right <= left) continue
    strip.x.push(left, right, right, left, left, null)
    strip.y.push(0, 0, 0.05, 0.05, 0, null)
    const seconds = (end - start) / 1000
    const words = seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`
    const count = Math.max(1, Math.floor((right - left) / step))
    for (let i = 0; i < count; i++) {
      points.x.push(left + ((right - left) * (i + 0.5)) / count)
      points.text.push(`no data for ${words}`)
    }
  }
  const pattern = { shape: "/", fgcolor: palette.secondary, fgopacity: 0.6, size: 5, solidity: 0.25 }
  return [
    {
      type: "scatter", mode: "lines", ...strip, yaxis: "y2", fill: "toself", fillcolor: "rgba(0,0,0,0)",
      fillpattern: pattern, line: { width: 0 }, ...still,
    },
    {
      type: "scatter", mode: "markers", x: points.x, y: points.x.map(() => 0.025), yaxis: "y2", text: points.text,
      marker: { opacity: 0, size: 6, color: palette.secondary }, hovertemplate: "%{text}<extra></extra>",
      hoverinfo: "y",
    },
  ]
}

function marks(own, wanted, symbol, color, size, width) {
  const x = []
  const y = []
  for (let i = 0; i < own.x.length; i++) if (wanted(own.k[i])) x.push(own.x[i]), y.push(own.y[i])
  const outline = symbol.endsWith("open") ? { color, width } : { width: 0 }
  return {
    type: "scatter", mode: "markers", x, y, marker: { symbol, color, size, opacity: 1, line: outline },
    cliponaxis: false, ...still,
  }
}

function bad(own, palette) {
  const trace = marks(own, (k) => k & BAD, "x-thin-open", palette.uncertain, 8, 2)
  const head = (own.hover?.[1] ?? "").replace("not judged", "bad quality, not judged")
  return { ...trace, hoverinfo: "y", hovertemplate: head }
}

function flagged(own, palette, narrow) {
  const count = own.k.reduce((sum, k) => sum + (k & FLAGGED), 0)
  return marks(own, (k) => k & FLAGGED, "diamond", palette.anomaly, count < CROWDED ? (narrow ? 7 : 9) : narrow ? 5 : 6, 0)
}

// Readings that were refused have no place among the values: they stand on the upper edge.
function refusals(rejected, palette) {
  return {
    type: "scatter", mode: "markers", x: rejected.map((one) => one[0]), y: rejected.map(() => 0.9), yaxis: "y2",
    text: rejected.map((one) => one[1].replaceAll("<", "&lt;")),
    marker: { symbol: "triangle-down-open", size: 9, color: palette.text, line: { width: 1.5, color: palette.text } },
    hovertemplate: "%{x|%H:%M:%S}  rejected: %{text}<extra></extra>", hoverinfo: "y",
  }
}

// The y range that shows these readings and their band with 5 % air, moved outward to a round step, so
// that the axis stands still while readings come. As `fitted` and `_near` of sensormon/view/time_charts.py.
export function fitted(own, tag, range) {
  let low = Infinity
  let high = -Infinity
  let first = -1
  let last = -1
  for (let i = 0; i < own.x.length; i++) {
    if (own.x[i] < range[0] || own.x[i] > range[1]) continue
    if (first < 0) first = i
    last = i
    if (own.y[i] < low) low = own.y[i]
    if (own.y[i] > high) high = own.y[i]
  }
  if (low > high) [low, high] = tag.normal ?? [0, 1]
  else {
    const normal = tag.normal ? tag.normal[1] - tag.normal[0] : 0
    const room = Math.max(high - low, normal, 4 * tag.resolution)
    const [floor, ceiling] = [low - room, high + room]
    for (let i = first; i <= last; i++) {
      if (own.l[i] === null) continue
      low = Math.min(low, Math.max(own.l[i], floor))
      high = Math.max(high, Math.min(own.u[i], ceiling))
    }
  }
  const least = Math.max(4 * tag.resolution, 1e-9 * Math.max(Math.abs(low), Math.abs(high)), 1e-12)
  if (high - low < least) [low, high] = [(low + high - least) / 2, (low + high + least) / 2]
  const air = 0.05 * (high - low)
  const step = 10 ** Math.floor(Math.log10((high - low) / 10))
  return [Math.floor((low - air) / step) * step, Math.ceil((high + air) / step) * step]
}
