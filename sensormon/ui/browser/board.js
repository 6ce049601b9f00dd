// The Live board: a card per tag, refreshed from the feed twice a second without a rerun of the page.
//
// Zoom, pan and hover are the board's own state, kept across refreshes. All charts share one time axis and
// one cross-hair. Cards keep their places; of few tags a line above them says which are worst now. What it is not: a
// judge; phrases, verdicts and states come from the feeds.
import { Card } from "./card.js"
import { button, element, labelled, set, stylesheet } from "./dom.js"
import { Feed, LOST, RELOAD } from "./feed.js"
import { HeatStrip } from "./heat_strip.js"
import { LiveTree } from "./live_tree.js"
import { NowFeed } from "./now_feed.js"
import { clock, duration } from "./numbers.js"
import { plotly } from "./plotly.js"
import { inside, moved, scaled } from "./time_span.js"
import { WorstLine } from "./worst_line.js"

const EVERY = 500 // ms between two updates of what changes with time alone
const NARROWEST = 1000 // the shortest span (ms) to zoom into
const LEAST = 2000 // the shortest span (ms) for the zoom buttons
const REST = 400 // ms without a movement before the address is updated
const WORST = 3 // cards of the worst of many tags
const CHANGED = 10_000 // ms between two changes of which those are
const ANSWERED = 5000 // ms for which a choice in the tree counts though the server has not answered

const LEGEND =
  "<span><i class='key band'></i>where the next reading is expected</span><span><b class='abnormal'>◆</b> anomaly</span>" +
  "<span><b class='abnormal'>⊓</b> event</span><span><b class='doubt'>○</b> uncertain</span>" +
  "<span><b class='doubt'>✕</b> bad quality</span><span><b>▽</b> rejected</span>" +
  "<span><i class='key gap'></i>no data</span><span><i class='key edge'></i>edge of the normal band</span>"

const boards = new WeakMap()

export function mount(component) {
  const root = component.parentElement
  let board = boards.get(root)
  if (!board) boards.set(root, (board = new Board(root)))
  board.update(component)
}

export function unmount(root) {
  boards.get(root)?.stop()
  boards.delete(root)
}

class Board {
  constructor(root) {
    this.cards = new Map()
    this.view = null // [from, to] in ms if the viewer has zoomed, null while the board follows the clock
    this.events = { spans: {}, last: null }
    this.versions = [] // changes of the settings: [time, words, hover]
    this.drawn = 0
    this.feed = new Feed({
      take: (answer, whole) => this.take(answer, whole),
      unavailable: () => this.setStateValue("unavailable", true),
    })
    this.now = new NowFeed(() => this.takeNow())
    this.build(root)
    this.ticking = setInterval(() => this.data && this.tick(), EVERY)
  }

  // `data` is described in sensormon/ui/live_board.py.
  update({ data, setStateValue, setTriggerValue }) {
    this.setStateValue = setStateValue
    this.setTriggerValue = setTriggerValue
    const text = JSON.stringify(data)
    if (text === this.text) return
    const before = this.data
    this.text = text
    this.data = data
    stylesheet("board.css")
    const asked = before?.asked !== data.asked // by the address: the page was opened, or by Back
    if (asked || before.span !== data.span) this.unzoom()
    if (asked) this.view = data.view
    if (before?.key !== data.key) this.now.begin(data.key)
    if (Date.now() > (this.chose ?? 0) + ANSWERED || same(this.node, data.node)) this.node = data.node
    this.show()
    this.drawn = 0
    const { key, span, until } = data
    this.feed.begin({ key, span, until, tags: data.tags.map((tag) => tag.name) })
    this.feed.start()
    plotly().then(
      (Plotly) => {
        this.Plotly = Plotly
        if (this.waiting) this.draw(true)
      },
      () => this.setStateValue("unavailable", true),
    )
  }

  stop() {
    this.feed.stop()
    this.now.stop()
    clearInterval(this.ticking)
    clearTimeout(this.resting)
    this.strip?.stop()
    this.pill.remove()
    for (const card of this.cards.values()) card.remove()
    this.cards.clear()
  }

  // -- elements ----------------------------------------------------------------------

  build(root) {
    this.lost = element("div", "alarm")
    this.lost.hidden = true
    this.lost.setAttribute("role", "status")
    this.overview = element("div", "board-overview")
    this.treePlace = element("nav", "tree-place")
    this.treePlace.setAttribute("aria-label", "Plant")
    this.stripPlace = element("div", "strip-place")
    this.overview.append(this.treePlace, this.stripPlace)
    this.pill = this.makePill()
    this.tools = this.makeTools()
    this.list = element("div", "board-cards")
    this.last = element("div", "board-last")
    this.legend = element("div", "board-legend quiet")
    this.legend.innerHTML = LEGEND
    const body = element("div", "board")
    body.append(this.lost, this.overview, this.tools, this.list, this.last, this.legend)
    root.append(body, this.pill)
  }

  // What is in view while that is not the present, and the way back: in sight wherever the page is scrolled to.
  makePill() {
    const pill = element("div", "board-pill")
    pill.hidden = true
    this.zoomed = element("span", "")
    this.zoomed.setAttribute("role", "status")
    pill.append(this.zoomed, button("tool", "Back to now", () => this.backToNow()))
    return pill
  }

  makeTools() {
    const tools = element("div", "board-tools")
    const tool = (text, words, action) => labelled(button("tool", text, action), text, words)
    const hint = element("span", "quiet drag-hint")
    hint.textContent = "Drag a chart to zoom, with Shift its values; double-click to undo"
    this.worst = new WorstLine((name) => this.showCard(name))
    tools.append(
      this.worst.node,
      hint,
      tool("◀", "Earlier", () => this.move(-0.5, 1)),
      tool("▶", "Later", () => this.move(0.5, 1)),
      tool("−", "Zoom out", () => this.move(0, 2)),
      tool("+", "Zoom in", () => this.move(0, 0.5)),
    )
    return tools
  }

  // The tree, the strip and the cards that the data ask for.
  show() {
    const { data } = this
    if (data.plant.length) {
      this.strip ??= new HeatStrip(
        this.stripPlace,
        (name) => this.setTriggerValue("picked", name),
        (name) => this.now.state(name) ?? this.data.states.length - 1,
      )
      this.tree ??= new LiveTree(this.treePlace, (node) => this.choose(node))
      this.tree.update(data, this.node)
      this.strip.update(data, this.within())
    } else if (this.strip) {
      this.strip.stop()
      this.tree.stop()
      this.strip = this.tree = undefined
    }
    this.overview.hidden = !data.plant.length
    const wanted = new Set(data.tags.map((tag) => tag.name))
    for (const [name, card] of this.cards) {
      if (wanted.has(name)) continue
      card.remove()
      this.cards.delete(name)
    }
    for (const tag of data.tags) {
      if (!this.cards.has(tag.name)) this.cards.set(tag.name, this.makeCard())
      this.cards.get(tag.name).describe(tag, data.drawing)
    }
    this.arrange()
    this.list.hidden = this.tools.hidden = this.legend.hidden = !data.tags.length
  }

  // Cards are in the order of the data, whatever becomes of their tags: nothing moves under somebody's eyes.
  arrange() {
    this.data.tags.forEach(({ name }, at) => {
      const { section } = this.cards.get(name)
      if (this.list.children[at] !== section) this.list.insertBefore(section, this.list.children[at] ?? null)
    })
    this.worst.node.hidden = Boolean(this.data.plant.length)
    this.showWorst()
  }

  // With many tags the strip says it.
  showWorst() {
    if (!this.data.plant.length) this.worst.draw(this.data.tags, (name) => this.now.state(name), this.data)
  }

  showCard(name) {
    const { section } = this.cards.get(name)
    section.scrollIntoView({ block: "center" })
    section.tabIndex = -1
    section.focus({ preventScroll: true })
  }

  // Whether somebody points at the cards or works in them.
  get watched() {
    return this.list.matches(":hover") || this.list.contains(document.activeElement)
  }

  makeCard() {
    return new Card({
      inView: () => this.inView,
      zoom: (range) => this.zoom(range),
      point: (time, from) => this.point(time, from),
      flag: (tag, time) => this.setTriggerValue("flag", { tag, time: Math.round(time * 1000) }),
      go: (tag, act) => this.setTriggerValue("went", { tag, act }),
      event: (tag) => this.now.tags.get(tag)?.event,
      open: (event) => this.setTriggerValue("opened", event),
    })
  }

  // -- what the tags are now ---------------------------------------------------------------

  takeNow() {
    if (!this.data) return
    for (const [name, card] of this.cards) card.stand(this.now.tags.get(name), this.data)
    this.showWorst()
    this.tree?.take(this.now.tags)
    this.strip?.draw()
    this.changeWorst()
  }

  // Opens the cards of other tags once those are worse, unless the viewer chose the cards or is at them.
  changeWorst() {
    const { data, strip } = this
    if (!data.follows || !strip || this.view || data.until || this.watched) return
    if (Date.now() < (this.changed ?? 0) + CHANGED) return
    const worst = strip.calm.order.slice(0, WORST).filter((name) => this.now.state(name) <= data.calling)
    if (worst.every((name) => this.cards.has(name))) return
    this.changed = Date.now()
    this.setTriggerValue("worst", strip.calm.order.slice(0, WORST))
  }

  // The viewer chose a node of the tree: the strip follows at once, cards with the server's answer. Unless the
  // viewer has chosen cards the server opens those of the worst tags that the viewer sees: they are named to it, and
  // their readings asked for meanwhile.
  choose(node) {
    this.node = node
    this.chose = Date.now()
    this.tree.mark(node)
    const within = this.within()
    const worst = this.worstOf(within)
    this.strip.update(this.data, within)
    this.setTriggerValue("node", { ...node, worst })
    const { key, span, until, follows, node: before } = this.data
    if (node.only || follows || before.only) this.feed.expect({ key, span, until, tags: node.only ? [node.only] : worst })
  }

  worstOf(names) {
    const rank = (name) => this.now.state(name) ?? Infinity
    return [...names].sort((a, b) => rank(a) - rank(b) || 0).slice(0, WORST)
  }

  // The tags below the chosen nodes of the tree, of those that match the search.
  within() {
    const { groups, only } = this.node
    const matching = new Set(this.data.strip)
    const below = (group) => !groups.length || groups.some((path) => group === path || group.startsWith(`${path}/`))
    const inside = ([name, , group]) => (only ? name === only : below(group)) && matching.has(name)
    return this.data.plant.filter(inside).map(([name]) => name)
  }

  // -- the view -----------------------------------------------------------------------

  get whole() {
    const { now } = this.feed
    return [now - this.data.span * 1000, now]
  }

  get inView() {
    return this.view ?? this.whole
  }

  // Another range was chosen, or the present: the page has taken the zoom out of the address.
  unzoom() {
    clearTimeout(this.resting)
    this.view = null
    for (const card of this.cards.values()) card.chart.fitAgain()
  }

  // One report at a time: a second one would still say that the page is paused.
  backToNow() {
    if (!this.data.until) return this.zoom(null)
    this.unzoom()
    this.draw(true)
    this.setTriggerValue("back", true)
  }

  zoom(range) {
    this.view = range && range[1] - range[0] >= NARROWEST ? range : null
    if (!this.view) for (const card of this.cards.values()) card.chart.fitAgain()
    this.draw(true)
    clearTimeout(this.resting)
    // No state, which would not be reported again if Back has changed the view meanwhile.
    const report = () => this.setTriggerValue("view", { span: this.view?.map(Math.round) ?? null })
    this.resting = setTimeout(report, REST)
  }

  // Moves the view by this share of its length, and makes it `factor` times as long.
  move(share, factor) {
    this.zoom(inside(scaled(moved(this.inView, share), factor, LEAST), this.whole))
  }

  // -- drawing -----------------------------------------------------------------------

  // Takes an answer of the feed; returns whether some readings arrived late.
  take(answer, whole) {
    let urgent = whole
    let late = false
    for (const [name, card] of this.cards) {
      const rejected = card.reject(answer.rejected[name] ?? [], whole)
      const news = answer.tags[name]
      if (news && !card.take(news, whole)) late = true
      urgent ||= rejected || Boolean(news?.k?.some((kind) => kind))
    }
    if (answer.events) {
      this.events = answer.events
      urgent = true
    }
    this.versions = answer.versions
    this.tick()
    this.draw(urgent)
    this.showLast()
    return late
  }

  // Long spans move slowly: they are redrawn when the movement is visible or there is something new.
  draw(urgent) {
    const fresh = [...this.cards.values()].some((card) => card.fresh)
    const due = Math.max(fresh ? 300 : 900, (this.data.span * 1000) / 1500)
    if (!urgent && Date.now() - this.drawn < due) return
    if (document.hidden) return
    this.waiting = !this.Plotly
    if (this.waiting) return
    this.drawn = Date.now()
    const { inView, whole, Plotly } = this
    const { offset } = this.feed
    const versions = this.versions.filter(([time]) => time >= inView[0] && time <= inView[1])
    const follows = !this.view && !this.data.until
    for (const [name, card] of this.cards) {
      card.draw({ Plotly, inView, whole, follows, offset, events: this.events.spans[name] ?? [], versions })
    }
    const stretched = [...this.cards.values()].some(({ chart }) => chart.rangeY)
    this.pill.hidden = follows && !stretched
    const times = `${clock(inView[0])} to ${clock(inView[1])}`
    set(this.zoomed, this.view ? `Zoomed: ${times}` : this.data.until ? `Paused at ${clock(whole[1])}` : stretched ? "Values zoomed" : "")
  }

  // Updates what changes with time alone: ages, and the notice of a silent server.
  tick() {
    const { silence, failure, now } = this.feed
    const past = Boolean(this.data.until)
    const lost = silence > LOST && !document.hidden && !past
    if (lost) {
      const reload = failure === RELOAD ? ` ${RELOAD}.` : ""
      this.lost.textContent = `No answer from the monitor for ${duration(silence)}; what is shown is from then.${reload}`
    }
    this.lost.hidden = !lost || Boolean(document.querySelector(".silence:not([hidden])")) // it says the same
    for (const card of this.cards.values()) card.age(now, past)
  }

  showLast() {
    const { last } = this.events
    this.last.hidden = !this.data.tags.length
    if (!last) return
    const shown = `${last.id} ${last.state}`
    if (this.last.dataset.shown === shown) return
    this.last.dataset.shown = shown
    const link = element("a", "")
    link.href = new URL(`anomalies?event=${last.id}`, window.location.href).href
    link.textContent = "open"
    link.onclick = (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return
      event.preventDefault()
      this.setTriggerValue("opened", last.id)
    }
    const head = element("span", "quiet")
    head.textContent = "Last event  "
    const words = element("span", "")
    words.textContent = `${clock(last.time)}  ${last.text}, ${last.state}  `
    this.last.replaceChildren(head, words, link)
  }

  // The cross-hair over all charts, at the reading that the pointer is on in one of them.
  point(time, from) {
    for (const { chart } of this.cards.values()) chart.cross(time, chart !== from)
  }
}

function same(node, other) {
  return JSON.stringify(node) === JSON.stringify(other)
}
