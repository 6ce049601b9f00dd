// What each tag is doing now, asked of the server for all parts of the Live board: sensormon/view/live_now.py.
//
// What it is not: a place that draws. A failed question is asked again; the board says that there is no answer.

const EVERY = 2000 // ms between an answer and the next question
const MANY = 300 // more tags than this are asked for
const SELDOM = 4000 // at this pace
const HIDDEN = 10_000 // the same while nobody sees the page

export class NowFeed {
  // `take()` is called after each answer.
  constructor(take) {
    this.take = take
    this.tags = new Map() // by name: { state, value, event }
  }

  begin(key) {
    this.key = key
    this.ask()
  }

  stop() {
    this.stopped = true
    clearTimeout(this.next)
  }

  // The number of a tag's state; the lower, the worse. Undefined while nothing is known.
  state(name) {
    return this.tags.get(name)?.state
  }

  async ask() {
    clearTimeout(this.next)
    if (this.asking || this.stopped) return
    this.asking = true
    try {
      const url = new URL("api/live/now", window.location.href)
      const answer = await fetch(url, { headers: { "X-Sensormon-Page": this.key }, cache: "no-store" })
      if (answer.ok && !this.stopped) this.receive(await answer.json())
    } catch {
      // The board reports that there is no answer.
    }
    this.asking = false
    if (this.stopped) return
    const pace = this.tags.size > MANY ? SELDOM : EVERY
    this.next = setTimeout(() => this.ask(), document.hidden ? HIDDEN : pace)
  }

  receive({ names, values, states, events }) {
    this.tags = new Map(names.map((name, at) => [name, { value: values[at], state: states[at], event: events[name] }]))
    this.take()
  }
}
