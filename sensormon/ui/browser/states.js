// The chart of a tag of states on the Live board: a coloured band, and what its states are called.
//
// As in sensormon/analysis/state_course.py and sensormon/view/state_bands.py, which has its style.
import { element } from "./dom.js"
import { BAD, UNCERTAIN } from "./readings.js"

// 0 for good, 1 for uncertain, 2 for bad.
function quality(kind) {
  return kind & BAD ? 2 : kind & UNCERTAIN ? 1 : 0
}

// The stretches of one state and quality up to `until` (ms); a state lasts until the next one or a gap.
export function stretches(readings, until) {
  const { x, y, k, count } = readings
  const gaps = count ? [...readings.gapsUntil(x[0], until)].sort(([a], [b]) => a - b) : []
  const found = []
  for (let row = 0; row < count; ) {
    let next = row + 1
    while (next < count && y[next] === y[row] && quality(k[next]) === quality(k[row])) next++
    const end = next < count ? x[next] : Math.max(until, x[row])
    const state = { code: y[row], quality: quality(k[row]) }
    let start = x[row]
    for (const [left, right] of gaps) {
      if (left >= end || right <= start) continue
      if (left >= start) found.push({ ...state, start, end: left })
      start = right
    }
    if (start < end) found.push({ ...state, start, end })
    row = next
  }
  return found
}

// When the newest state began (ms): `since`, and whether that is only known to be earlier.
export function beginning({ x, y, count }) {
  let first = count - 1
  while (first > 0 && y[first - 1] === y[count - 1]) first--
  return { since: x[first], earlier: first === 0 }
}

export function word(readings, code) {
  return readings.words.get(code)?.[0] ?? String(code)
}

function fill(readings, code, style) {
  const place = readings.words.get(code)?.[1] ?? 0
  return style.fills[Math.min(place, style.fills.length - 1)]
}

// Text that Plotly shows as it is, not as markup.
function plain(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
}

// The band and the points to hover over. `span` is the whole span of the chart, in ms.
export function stateTraces(readings, style, span) {
  const course = stretches(readings, span[1])
  const fills = course.map(({ code }) => fill(readings, code, style))
  const poor = course.map(({ quality }) => quality > 0)
  const bad = course.map(({ quality }) => quality === 2)
  const each = (choose) => course.map((stretch, i) => choose(stretch, i))
  const band = {
    ...style.trace,
    base: each(({ start }) => start),
    x: each(({ start, end }) => end - start),
    y: each(() => style.middle),
    text: each(({ code }) => plain(word(readings, code))),
    insidetextfont: { size: style.font, color: each((_, i) => (bad[i] ? style.text : fills[i][2])) },
    marker: {
      color: each((_, i) => (bad[i] ? style.panel : fills[i][0])),
      line: {
        width: each((_, i) => (poor[i] ? 2 : 0)),
        color: each((_, i) => (poor[i] ? style.doubt : style.panel)),
      },
      pattern: {
        ...style.pattern,
        shape: each((_, i) => (bad[i] ? "x" : fills[i][1])),
        fgcolor: each((_, i) => (bad[i] ? style.doubt : style.panel)),
      },
    },
  }
  return [band, points(readings, course, style, span)]
}

function points(readings, course, style, span) {
  const x = []
  const text = []
  const step = (span[1] - span[0]) / style.points
  for (const { start, end, code, quality } of course) {
    const left = Math.max(start, span[0])
    if (end < left) continue
    const count = Math.max(2, Math.ceil((end - left) / step) + 1)
    const words = [plain(word(readings, code)), style.qualities[quality]].filter(Boolean).join(", ")
    for (let i = 0; i < count; i++) {
      x.push(left + ((Math.max(left, end - 1) - left) * i) / (count - 1))
      text.push(words)
    }
  }
  return { ...style.hover, x, y: x.map(() => style.middle), text, hovertemplate: `%{x|${readings.clock}}  %{text}<extra></extra>` }
}

// Shows in `node` the states between two times and their colours, the first `listed` of them.
export function showKey(node, readings, style, [from, to]) {
  const codes = new Set()
  for (const { start, end, code } of stretches(readings, to)) if (end >= from && start <= to) codes.add(code)
  const shown = [...codes].sort((a, b) => a - b).slice(0, style.listed)
  const text = JSON.stringify([shown.map((code) => readings.words.get(code)), codes.size])
  if (node.dataset.shown === text) return
  node.dataset.shown = text
  const chips = shown.map((code) => {
    const chip = element("span", "")
    const swatch = element("i", "swatch")
    swatch.style.background = fill(readings, code, style)[0]
    chip.append(swatch, word(readings, code))
    return chip
  })
  if (codes.size > shown.length) chips.push(`and ${codes.size - shown.length} more`)
  node.replaceChildren(...chips)
}
