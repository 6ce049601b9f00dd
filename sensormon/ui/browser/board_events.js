// The body of a tile of events: those of its tags over its span, newest first. It asks for them itself.
import { element, set } from "./dom.js"
import { clock } from "./numbers.js"

const EVERY = 3000 // ms between an answer and the next request
const HIDDEN = 15_000 // the same while nobody sees the page

export class EventsPart {
  constructor(feeds) {
    this.feeds = feeds
    this.node = element("div", "tile-events")
    this.count = element("div", "quiet")
    this.list = element("ul", "")
    this.node.append(this.count, this.list)
  }

  describe({ tags, span, all }) {
    const names = tags.map(({ name }) => name)
    const text = JSON.stringify([names, span, all, this.feeds.key])
    if (text === this.text) return
    this.text = text
    this.stopAsking?.()
    this.stopAsking = null
    if (!all && !names.length) return
    const pause = () => (document.hidden ? HIDDEN : EVERY)
    this.stopAsking = this.feeds.asking("events", span, names, (answer) => this.show(answer), pause)
  }

  show(answer) {
    const text = JSON.stringify(answer)
    if (text === this.answer) return
    this.answer = text
    const { count, events, problem } = answer
    const more = count > events.length ? `, newest ${events.length} shown` : ""
    set(this.count, problem || (count ? `${count.toLocaleString("en-US")} event${count === 1 ? "" : "s"}${more}` : "No events"))
    this.list.replaceChildren(...events.map(row))
  }

  draw() {}
  age() {}

  remove() {
    this.stopAsking?.()
  }
}

function row(event) {
  const node = element("li", "")
  const link = element("a", "")
  link.href = new URL(`anomalies?event=${event.id}`, window.location.href).href
  link.textContent = `${clock(event.time)}  ${event.label}`
  const what = element("span", "")
  what.textContent = event.what
  const state = element("span", "quiet")
  state.textContent = `${event.severity} · ${event.state}`
  const waits = event.state.includes("unack")
  node.classList.toggle("waits", waits)
  node.append(link, what, state)
  return node
}
