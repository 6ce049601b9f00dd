// All tags over time, one row per tag, those that are worst now first: colour marks only abnormal cells.
//
// A row is a button that opens the tag's chart. Cells cover fixed stretches of the clock, so the shade of one
// stays once its time is over: sensormon/view/live_strip.py. Of thousands of rows only those in view are drawn.
import { CalmOrder } from "./calm_order.js"
import { button, element, set } from "./dom.js"
import { clock, duration } from "./numbers.js"
import { markSeverity } from "./severity.js"

const EVERY = 5000 // ms
const NEAR = "120px" // rows this close to those in view are drawn, too

export class HeatStrip {
  // `pick(name)` is called with the tag of a row that was clicked, `state(name)` has what a tag is now.
  constructor(root, pick, state) {
    this.root = root
    this.pick = pick
    this.state = state
    this.rows = new Map()
    this.head = element("div", "strip-head quiet")
    this.list = element("div", "strip")
    this.list.setAttribute("role", "list")
    this.list.setAttribute("aria-label", "Tags over time, those that are worst now first")
    this.calm = new CalmOrder(this.list)
    this.watch = new IntersectionObserver((seen) => this.scrolled(seen), { root: this.list, rootMargin: NEAR })
    this.times = element("div", "strip-times")
    root.append(this.head, this.times, this.list)
  }

  // `names` are the tags to show, in the table's order.
  update(data, names) {
    if (names.join() !== this.wanted) this.calm.order = []
    this.wanted = names.join()
    this.names = names
    const other = !this.data || this.data.span !== data.span || this.data.until !== data.until || this.data.key !== data.key
    this.data = data
    this.known = new Map(data.plant.map(([name, label]) => [name, label]))
    this.open = new Set(data.tags.map((tag) => tag.name))
    this.draw()
    if (other) this.ask()
  }

  stop() {
    this.stopped = true
    clearTimeout(this.next)
    this.watch.disconnect()
    this.root.replaceChildren()
  }

  async ask() {
    clearTimeout(this.next)
    if (this.asking) return (this.again = true)
    this.asking = true
    this.again = false
    const { span, until, key } = this.data
    const url = new URL("api/live/strip", window.location.href)
    url.searchParams.set("span", span)
    if (until) url.searchParams.set("until", until)
    let answered = false
    try {
      const answer = await fetch(url, { headers: { "X-Sensormon-Page": key }, cache: "no-store" })
      if (answer.ok && !this.stopped) {
        this.answer = await answer.json()
        this.summaries = new Map(this.answer.rows.map((row) => [row.name, row]))
        answered = true
        this.draw()
      }
    } catch {
      // The board reports that there is no answer.
    }
    this.asking = false
    if (this.stopped) return
    if (this.again) return this.ask()
    if (!this.data.until || !answered) this.next = setTimeout(() => this.ask(), document.hidden ? 6 * EVERY : EVERY)
  }

  draw() {
    if (!this.answer || !this.names) return
    const order = this.calm.sorted(this.names, this.state)
    const wanted = new Set(order)
    for (const [name, item] of this.rows) {
      if (wanted.has(name)) continue
      this.watch.unobserve(item)
      item.remove()
      this.rows.delete(name)
    }
    this.describe(order)
    order.forEach((name, at) => {
      const before = this.list.children[at]
      if (before?.dataset.tag !== name) this.put(name, before)
      else if (before.dataset.seen) this.fill(before, name)
    })
    while (this.list.children.length > order.length) this.list.lastElementChild.remove()
  }

  // The row of this tag, in the place of another: a new element, as one that is moved would slide.
  put(name, before) {
    if (this.rows.has(name)) this.watch.unobserve(this.rows.get(name))
    const item = this.make(name)
    if (!before) return this.list.append(item)
    before.replaceWith(item)
    if (!before.dataset.seen) return
    item.dataset.seen = "yes"
    this.fill(item, name)
  }

  scrolled(seen) {
    for (const { target, isIntersecting } of seen) {
      if (isIntersecting) target.dataset.seen = "yes"
      else delete target.dataset.seen
      if (isIntersecting && this.summaries) this.fill(target, target.dataset.tag)
    }
  }

  describe(order) {
    const wrong = order.filter((name) => this.state(name) <= this.data.calling).length
    const words = wrong ? `${wrong.toLocaleString("en-US")} of ${order.length.toLocaleString("en-US")} tags abnormal now, worst first` : `${order.length.toLocaleString("en-US")} tags, all normal now`
    set(this.head, words)
    const { since, width, parts } = this.answer
    const text = [0, Math.floor(parts / 2), parts].map((part) => clock(since + part * width).replace(/:00$/, ""))
    if (this.times.dataset.text === text.join()) return
    this.times.dataset.text = text.join()
    const ends = element("span", "")
    for (const time of text) {
      const end = element("span", "")
      end.textContent = time
      ends.append(end)
    }
    this.times.replaceChildren(ends)
  }

  make(name) {
    const item = element("div", "strip-item")
    item.setAttribute("role", "listitem")
    item.dataset.tag = name
    item.textContent = this.known.get(name) ?? name
    this.rows.set(name, item)
    this.watch.observe(item)
    return item
  }

  row(item, name) {
    const row = button("strip-row", "", () => this.pick(name))
    const label = element("span", "strip-label")
    const cells = document.createElementNS("http://www.w3.org/2000/svg", "svg")
    cells.setAttribute("class", "strip-cells")
    cells.setAttribute("preserveAspectRatio", "none")
    cells.setAttribute("aria-hidden", "true")
    row.append(label, cells, element("span", "strip-count"), element("span", "strip-state"))
    item.replaceChildren(row)
    return row
  }

  fill(item, name) {
    const row = item.firstElementChild ?? this.row(item, name)
    const label = this.known.get(name) ?? name
    const summary = this.summaries.get(name) ?? { seen: 0, count: 0, flagged: [], doubtful: [], empty: [] }
    const { parts } = this.answer
    const [shown, cells, count, state] = row.children
    const word = this.data.states[this.state(name)] ?? ""
    set(shown, label)
    row.classList.toggle("open", this.open.has(name))
    const flags = summary.count === 1 ? "1 flag" : `${summary.count.toLocaleString("en-US")} flags`
    set(count, summary.count ? flags : "")
    set(state, word || (summary.seen ? "" : "no data"))
    markSeverity(state, this.state(name), this.data)
    const text = drawn(summary)
    if (cells.dataset.drawn !== text) {
      cells.dataset.drawn = text
      cells.setAttribute("viewBox", `0 0 ${parts} 10`)
      cells.innerHTML = text
    }
    const span = duration(this.data.span * 1000)
    const words = `${label}: ${word ? `${word.replace(/^\W+/, "")}, ` : ""}${summary.seen ? flags : "no data"} in the last ${span}; opens its chart`
    if (row.getAttribute("aria-label") === words) return
    row.setAttribute("aria-label", words)
    row.title = `${label}, ${name}`
  }
}

// The shade of a flagged cell is the share of its own readings that are flagged, so that it stays.
function drawn({ flagged, doubtful, empty }) {
  const marks = flagged.map(([at, count, readings]) => cell(at, "flag", Math.min(1, 0.35 + (3 * count) / Math.max(1, readings))))
  marks.push(...doubtful.map((at) => cell(at, "doubt", 1)))
  for (const [from, to] of empty) marks.push(cell(from, "hole", 1, to - from), cell(from, "empty", 0.6, to - from))
  return marks.join("")
}

// Doubtful readings fill the lower half, missing ones leave only a line, so that they differ without colour.
function cell(at, kind, opacity, cells = 1) {
  const [y, height] = { flag: [0, 10], doubt: [5, 5], hole: [0, 9], empty: [9, 1] }[kind]
  const width = kind === "flag" || kind === "doubt" ? 0.9 : cells + 0.02
  return `<rect class="${kind}" x="${at}" y="${y}" width="${width}" height="${height}" opacity="${opacity.toFixed(2)}"/>`
}
