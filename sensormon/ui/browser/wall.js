// The wall screen: one group of tags after the other over the whole window, what is wrong now beside them.
//
// It has no controls and runs for weeks: each screen replaces the elements of the one before. Esc leaves it, F
// fills the screen. `data`: see sensormon/ui/wall.py.
import { follow, renew, silence } from "./active_feed.js"
import { mark, stateWords } from "./bell.js"
import { element, paint, set, stylesheet } from "./dom.js"
import { Feed } from "./feed.js"
import { clock, duration } from "./numbers.js"
import { WallTile } from "./wall_tile.js"
import { WholeWindow } from "./whole_window.js"

const TICK = 1000 // ms between two updates of what changes with time alone
const LOST = 10_000 // ms without an answer after which the screen says so
const LISTED = 12 // items of the list beside the tags

const walls = new WeakMap()

export function mount(component) {
  const root = component.parentElement
  let wall = walls.get(root)
  if (!wall) walls.set(root, (wall = new Wall(component.data)))
  wall.update(component.data)
}

export function unmount(root) {
  walls.get(root)?.stop()
  walls.delete(root)
}

class Wall {
  constructor(data) {
    stylesheet("wall.css")
    this.tiles = new Map()
    this.place = 0
    this.build()
    this.feed = new Feed({ take: (answer, whole) => this.take(answer, whole), unavailable: () => {} })
    this.unfollow = follow(data.key, (feed) => this.list(feed.list))
    this.ticking = setInterval(() => this.tick(), TICK)
  }

  update(data) {
    const text = JSON.stringify(data)
    if (text === this.text) return
    const first = !this.text
    this.text = text
    this.data = data
    this.badge(data.simulated)
    paint(this.frame, data.colours)
    renew(data.key)
    this.place = Math.min(this.place, Math.max(0, data.screens.length - 1))
    clearInterval(this.rotating)
    this.rotating = setInterval(() => this.next(), data.every * 1000)
    this.show()
    if (first) this.feed.start()
  }

  stop() {
    this.feed.stop()
    this.unfollow()
    clearInterval(this.ticking)
    clearInterval(this.rotating)
    this.window.stop()
  }

  build() {
    this.frame = element("main", "wall")
    this.frame.setAttribute("aria-label", "Wall screen")
    const head = element("header", "wall-head")
    this.title = element("h1", "")
    this.which = element("span", "quiet")
    this.simulated = element("span", "simulated quiet")
    this.age = element("span", "wall-age quiet")
    this.clock = element("time", "wall-clock")
    head.append(this.title, this.which, this.simulated, this.age, this.clock)
    this.lost = element("div", "wall-lost")
    this.lost.setAttribute("role", "alert")
    this.lost.hidden = true
    this.grid = element("div", "wall-grid")
    this.side = element("aside", "wall-side")
    this.side.setAttribute("aria-label", "Wrong now")
    this.heading = element("h2", "")
    this.items = element("ul", "")
    this.more = element("div", "quiet")
    this.side.append(this.heading, this.items, this.more)
    const body = element("div", "wall-body")
    body.append(this.grid, this.side)
    this.frame.append(head, this.lost, body)
    this.window = new WholeWindow(this.frame, ["wall", "every"])
  }

  // Whatever is simulated says so, here too.
  badge([word, words]) {
    this.simulated.hidden = !word
    const name = element("b", "")
    name.textContent = word ?? ""
    this.simulated.replaceChildren(name, ` ${words ?? ""}`)
  }

  // -- the tags -------------------------------------------------------------------------

  next() {
    if (this.data.screens.length < 2 || document.hidden) return
    this.place = (this.place + 1) % this.data.screens.length
    this.show()
  }

  show() {
    const { screens, key, span } = this.data
    const screen = screens[this.place] ?? { title: "No tags yet", tags: [] }
    set(this.title, screen.title)
    set(this.which, screens.length > 1 ? `${this.place + 1} of ${screens.length}` : "")
    this.tiles = new Map(screen.tags.map((tag) => [tag.name, new WallTile(tag, span)]))
    this.grid.replaceChildren(...[...this.tiles.values()].map((tile) => tile.node))
    const count = screen.tags.length
    this.grid.dataset.columns = count <= 3 ? 1 : count <= 6 ? 2 : 3
    this.feed.begin({ key, tags: screen.tags.map((tag) => tag.name), span, until: null })
    this.feed.ask()
  }

  take(answer, whole) {
    let late = false
    for (const [name, tile] of this.tiles) {
      const news = answer.tags[name]
      if (news && !tile.take(news, whole)) late = true
      tile.draw(this.feed.now)
    }
    this.frame.dataset.answered = Date.now()
    this.tick()
    return late
  }

  tick() {
    const { feed } = this
    const now = feed.now
    set(this.clock, new Date(now).toTimeString().slice(0, 8))
    for (const tile of this.tiles.values()) tile.age(now)
    const newest = Math.max(...[...this.tiles.values()].map((tile) => tile.arrived ?? -Infinity))
    set(this.age, Number.isFinite(newest) ? `data ${duration(now - newest)} old` : "")
    const silent = Math.max(feed.silence, feed.answered ? 0 : silence())
    const lost = silent > LOST
    this.lost.hidden = !lost
    this.frame.classList.toggle("old", lost)
    if (lost) set(this.lost, `No answer from the monitor for ${duration(silent)}. What is shown is from ${clock(now - silent)}.`)
    this.window.reloadIfRefused(feed.failure)
  }

  // -- what is wrong now ------------------------------------------------------------------

  list(list) {
    const height = this.side.clientHeight
    if (!list || (list === this.listed && height === this.fitted)) return
    this.listed = list
    this.fitted = height
    const known = list.count - list.attention
    set(this.heading, list.count ? `${list.attention} wrong now${known ? `, ${known} acknowledged` : ""}` : "Nothing is wrong now")
    this.side.dataset.worst = list.worst
    const items = list.items.slice(0, LISTED)
    this.items.replaceChildren(...items.map(row))
    this.count(list)
    while (height && this.items.children.length > 1 && this.side.scrollHeight > height) { // nobody scrolls here
      this.items.lastElementChild.remove()
      this.count(list)
    }
  }

  count(list) {
    const rest = list.count - this.items.children.length
    const quiet = list.quiet_count ? `${list.quiet_count} shelved or in maintenance` : ""
    set(this.more, [rest > 0 ? `${rest} more` : "", quiet].filter(Boolean).join(" · "))
  }
}

function row(item) {
  const node = element("li", "")
  node.dataset.severity = item.attention ? item.severity : ""
  const name = element("b", "")
  name.textContent = item.label
  const severity = element("span", "wall-severity")
  severity.textContent = `${mark(item)} ${item.severity}`
  const since = element("span", "quiet")
  since.textContent = item.since ? `since ${clock(item.since).slice(0, -3)}` : ""
  const what = element("div", "")
  what.textContent = item.what
  const state = element("div", "quiet")
  state.textContent = stateWords(item)
  const line = element("div", "wall-line")
  line.append(name, severity, since)
  node.append(line, what, state)
  return node
}
