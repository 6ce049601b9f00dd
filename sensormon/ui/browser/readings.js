// The readings of one tag in the browser, kept up to date from the feed.
import { place } from "./numbers.js"

// The flags summed in `k`.
export const FLAGGED = 1
export const UNCERTAIN = 2
export const BAD = 4
export const OFF_BAND = 8

const COLUMNS = ["x", "y", "e", "l", "u", "z", "k", "s"]
const SPARE = 50 // outdated readings to collect before they are dropped

// Columns as the feed names them: x (ms UTC), y (value), e(xpected), l(ower) and u(pper) edge of the band,
// z (score), k (kind), s (the score's name). `cut` holds the times before which the line breaks, `why` the limit of each flagged
// reading by its time, `gaps` the stretches without data, `words` of a state's code its word and its place.
export class Readings {
  constructor() {
    for (const name of COLUMNS) this[name] = []
    this.cut = new Set()
    this.why = new Map()
    this.gaps = []
    this.words = new Map()
    Object.assign(this, { interval: 0, gap: 0, stale: 0, clock: "%H:%M:%S" })
  }

  get count() {
    return this.x.length
  }

  // The time of the newest reading; undefined without any.
  get last() {
    return this.x[this.x.length - 1]
  }

  get flagged() {
    return this.k.reduce((sum, kind) => sum + (kind & FLAGGED), 0)
  }

  // Adds an answer's readings. False if some arrived late: they are inserted at once, but only an answer
  // of the whole span has the resulting lines, gaps and scores.
  append(answer) {
    const last = this.last ?? -Infinity
    for (const [code, word, place] of answer.words ?? []) this.words.set(code, [word, place])
    const added = { ...answer, s: answer.s.map((place) => answer.scores[place]) }
    for (const row of answer.cut) this.cut.add(answer.x[row])
    let flag = 0
    for (const [row, x] of answer.x.entries()) {
      if (answer.k[row] & FLAGGED) this.why.set(x, answer.why[flag++])
      const at = x > last ? this.count : place(this.x, x) + 1 // two readings of the same time stay two
      for (const name of COLUMNS) this[name].splice(at, 0, added[name][row])
    }
    for (const name of ["interval", "gap", "stale"]) this[name] = answer[name] || this[name]
    this.clock = answer.clock
    const next = answer.x.find((x) => x > last)
    if (this.gap && last !== -Infinity && next - last > this.gap) {
      this.cut.add(next)
      if (!answer.gaps.some(([start]) => start === last)) this.gaps.push([last, next])
    }
    const known = new Set(this.gaps.map(([start]) => start))
    this.gaps.push(...answer.gaps.filter(([start]) => !known.has(start)))
    return !answer.x.length || answer.x[0] >= last
  }

  // Drops readings older than this time.
  trim(since) {
    let old = 0
    while (old < this.count && this.x[old] < since) old++
    if (old < SPARE) return
    for (const x of this.x.slice(0, old)) {
      this.cut.delete(x)
      this.why.delete(x)
    }
    for (const name of COLUMNS) this[name].splice(0, old)
    this.gaps = this.gaps.filter(([, end]) => end >= since)
  }

  // The gaps up to `until`: those the feed sent, and the one that still lasts.
  gapsUntil(since, until) {
    const last = this.last ?? since
    const open = this.count ? this.gap && until - last > this.gap : true
    return open ? [...this.gaps, [last, until]] : this.gaps
  }

  // The lowest and highest reading, and edge of the band, between two times; see `fitted`.
  extremes([since, until]) {
    const edges = { low: Infinity, high: -Infinity, lower: Infinity, upper: -Infinity }
    for (let row = 0; row < this.count; row++) {
      if (this.x[row] < since || this.x[row] > until) continue
      edges.low = Math.min(edges.low, this.y[row])
      edges.high = Math.max(edges.high, this.y[row])
      if (this.l[row] === null) continue
      edges.lower = Math.min(edges.lower, this.l[row])
      edges.upper = Math.max(edges.upper, this.u[row])
    }
    return edges
  }
}

// Takes a tag's part of an answer into what is kept of the tag: its `readings`, the phrase on the newest one (`head`),
// and that there are new ones (`fresh`). `whole` is whether it has the whole span. False if some arrived late.
export function take(kept, news, whole) {
  if (news.head) kept.head = news.head
  if (!news.x) return true
  if (whole) kept.readings = new Readings()
  kept.fresh = true
  return kept.readings.append(news)
}
