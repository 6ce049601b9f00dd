// The Live board's requests to the server: the whole span once, then new readings.
//
// Asks twice a second, more rarely while nobody sees the page or the server is silent. What it is not: a
// place that draws; every answer is passed on unchanged.

const EVERY = 500 // ms between an answer and the next request
const HIDDEN = 5000 // the same while nobody sees the page
const SILENT = 2000 // the same while the server is silent
const AT_ONCE = 100 // the same after the first answer
const PATIENCE = 15000 // ms an answer may take
const EXPECTED = 3000 // ms for which an answer asked for in advance counts
const LATE = 10000 // ms between two answers of the whole span while readings arrive late or some are missing
const SHORTEST = 60_000 // ms between two answers of the whole span, which thin out new readings:
const LONGEST = 600_000 // a twelfth of the span, between these two

export const LOST = 4000 // ms without an answer after which the server is silent
export const RELOAD = "Reload this page" // the failure of a page whose key the server no longer knows

export class Feed {
  // `take(answer, whole)` returns whether some readings arrived late; `unavailable()` reports that there is no feed.
  constructor({ take, unavailable }) {
    this.take = take
    this.unavailable = unavailable
    this.ready = false
    this.stopped = false
    this.offset = 0 // the server's clock minus the browser's, ms
    this.events = "" // the version of the events that the board has
    this.failure = null // why the last request failed
    this.onVisible = () => !document.hidden && this.ask()
    document.addEventListener("visibilitychange", this.onVisible)
  }

  // `query`: key, tags (names), span (s), until (µs UTC; null while the board follows the clock).
  begin(query) {
    this.query = query
    this.question?.abort()
    this.after = null // the newest reading that the board has; null before the whole span has arrived
  }

  // Asks at once for what the next `begin` is likely to want; the answer counts if it does.
  expect(query) {
    if (!query.tags.length) return
    const answer = this.fetched(query, null, new AbortController())
    answer.catch(() => {}) // it is asked for again
    this.expected = { text: JSON.stringify(query), answer, asked: Date.now() }
  }

  // The answer that was asked for in advance, if it is to what is wanted now.
  advance() {
    const { expected } = this
    this.expected = undefined
    if (!expected || this.after !== null || Date.now() > expected.asked + EXPECTED) return undefined
    return expected.text === JSON.stringify(this.query) ? expected.answer.catch(() => undefined) : undefined
  }

  // From now on answers can be drawn.
  start() {
    this.ready = true
    this.ask()
  }

  stop() {
    this.stopped = true
    clearTimeout(this.next)
    this.question?.abort()
    document.removeEventListener("visibilitychange", this.onVisible)
  }

  // The moment up to which readings are shown (ms UTC): the server's time, or when the board was paused.
  get now() {
    return this.query.until ? this.query.until / 1000 : Date.now() + this.offset
  }

  // How long the server has been silent (ms); 0 before its first answer.
  get silence() {
    return this.answered ? Date.now() - this.answered : 0
  }

  async ask() {
    clearTimeout(this.next)
    if (this.stopped || !this.ready || this.asking) return
    this.asking = true
    const { query } = this
    try {
      const advance = this.after === null ? await this.advance() : undefined
      const answer = advance ?? (await this.fetched(query, this.after, (this.question = new AbortController())))
      this.failure = null
      if (this.stopped) return
      this.answered = Date.now()
      if (query === this.query) this.receive(answer)
    } catch (error) {
      if (query === this.query) this.failure = error.message
    } finally {
      this.asking = false
    }
    if (this.stopped) return
    const changed = query !== this.query
    const finished = this.query.until && this.after !== null && this.complete // the past does not change
    if (changed || !finished) this.next = setTimeout(() => this.ask(), this.pause(changed))
  }

  pause(changed) {
    if (changed) return 0
    if (this.after === null && !this.failure) return AT_ONCE
    if (document.hidden) return HIDDEN
    return Date.now() - (this.answered ?? 0) > LOST ? SILENT : EVERY
  }

  // The answer to a query: the whole span, or what came after the reading `after`. `question` can abort it.
  async fetched({ key, tags, span, until }, after, question) {
    if (!tags.length) return { offset: this.offset, after: 0, tags: {}, rejected: {} }
    const url = new URL("api/live/board", window.location.href)
    for (const name of tags) url.searchParams.append("tag", name)
    url.searchParams.set("span", span)
    if (until) url.searchParams.set("until", until)
    if (after !== null) {
      url.searchParams.set("after", after)
      url.searchParams.set("events", this.events)
    }
    const timeout = setTimeout(() => question.abort(), PATIENCE)
    try {
      const headers = { "X-Sensormon-Page": key }
      const response = await fetch(url, { headers, signal: question.signal, cache: "no-store" })
      if (response.status === 404) this.unavailable()
      if (!response.ok) throw new Error(response.status === 401 ? RELOAD : `status ${response.status}`)
      if (!(response.headers.get("content-type") ?? "").includes("json")) {
        this.unavailable()
        throw new Error("no feed")
      }
      const answer = await response.json()
      const now = Number(response.headers.get("X-Sensormon-Now") ?? answer.now)
      return { ...answer, offset: now - Date.now() }
    } finally {
      clearTimeout(timeout)
    }
  }

  receive(answer) {
    const whole = this.after === null
    this.offset = answer.offset
    this.after = answer.after
    if (answer.events) this.events = answer.events.version
    const late = this.take(answer, whole)
    if (whole) {
      this.renewed = Date.now()
      this.complete = answer.complete !== false
      this.late = false
    } else {
      this.late ||= late || answer.late
      if (Date.now() - this.renewed > this.keeps) this.after = null
    }
  }

  // How long an answer of the whole span is good for (ms).
  get keeps() {
    if (this.late || !this.complete) return LATE
    const { span, until } = this.query
    return until ? Infinity : Math.min(LONGEST, Math.max(SHORTEST, (span * 1000) / 12))
  }
}
