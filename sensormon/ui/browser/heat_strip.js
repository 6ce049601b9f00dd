// All tags over time, one row per tag, worst first: colour marks only abnormal cells.
// A row is a button that opens the tag's chart. The order is kept until the viewer refreshes it.
import { button, element } from "./dom.js"
import { clock, duration } from "./numbers.js"

const EVERY = 5000 // ms

export class HeatStrip {
  constructor(root, pick) {
    this.root = root
    this.pick = pick
    this.rows = new Map()
    this.order = []
    this.head = element("div", "strip-head")
    this.list = element("div", "strip")
    this.list.setAttribute("role", "list")
    this.list.setAttribute("aria-label", "All tags over time, worst first")
    this.times = element("div", "strip-times")
    root.append(this.head, this.times, this.list)
  }

  update(data) {
    const other = !this.data || this.data.span !== data.span || this.data.until !== data.until
    const wanted = data.strip.map((tag) => tag.name).join()
    if (other || wanted !== this.wanted) this.order = []
    this.wanted = wanted
    this.data = data
    this.known = new Map(data.strip.map((tag) => [tag.name, tag]))
    this.open = new Set(data.tags.map((tag) => tag.name))
    if (this.answer) this.draw()
    this.ask()
  }

  stop() {
    this.stopped = true
    clearTimeout(this.next)
    this.root.replaceChildren()
  }

  async ask() {
    clearTimeout(this.next)
    if (this.asking) return
    this.asking = true
    const { span, until, key } = this.data
    const url = new URL("api/live/strip", window.location.href)
    url.searchParams.set("span", span)
    if (until) url.searchParams.set("until", until)
    try {
      const answer = await fetch(url, { headers: { "X-Sensormon-Page": key }, cache: "no-store" })
      if (answer.ok && !this.stopped) {
        this.answer = await answer.json()
        this.draw()
      }
    } catch {
      // The board reports that there is no answer.
    }
    this.asking = false
    if (!this.stopped && !until) this.next = setTimeout(() => this.ask(), document.hidden ? 6 * EVERY : EVERY)
  }

  draw() {
    const summaries = new Map(this.answer.rows.map((row) => [row.name, row]))
    const names = this.answer.rows.map((row) => row.name).filter((name) => this.known.has(name))
    const fresh = names.filter((name) => !this.order.includes(name))
    this.order = [...this.order.filter((name) => summaries.has(name) && this.known.has(name)), ...fresh]
    const counts = this.order.map((name) => summaries.get(name).count)
    const sorted = counts.every((count, at) => at === 0 || counts[at - 1] >= count)
    this.describe(counts.filter((count) => count).length, names.length, sorted)
    for (const [name, row] of this.rows) {
      if (!this.order.includes(name)) {
        row.remove()
        this.rows.delete(name)
      }
    }
    const ends = element("span", "")
    for (const time of [this.answer.since, (this.answer.since + this.answer.until) / 2, this.answer.until]) {
      const end = element("span", "")
      end.textContent = clock(time)
      ends.append(end)
    }
    this.times.replaceChildren(ends)
    const now = new Set(this.answer.now_flagged)
    this.order.forEach((name, at) => {
      let row = this.rows.get(name)
      if (!row) this.rows.set(name, (row = this.make(name)))
      this.fill(row, summaries.get(name), now.has(name))
      if (this.list.children[at] !== row) this.list.insertBefore(row, this.list.children[at] ?? null)
    })
  }

  describe(flagged, count, sorted) {
    const words = element("span", "quiet")
    words.textContent = `${flagged.toLocaleString("en-US")} of ${count.toLocaleString("en-US")} tags flagged in this span${sorted ? ", most flags first" : ""}`
    this.head.replaceChildren(words)
    if (!sorted) {
      this.head.append(button("tool", "Sort again", () => this.sort()))
    }
  }

  sort() {
    this.order = []
    this.draw()
  }

  make(name) {
    const row = button("strip-row", "", () => this.pick(name))
    row.setAttribute("role", "listitem")
    const label = element("span", "strip-label")
    const cells = document.createElementNS("http://www.w3.org/2000/svg", "svg")
    cells.setAttribute("class", "strip-cells")
    cells.setAttribute("preserveAspectRatio", "none")
    cells.setAttribute("aria-hidden", "true")
    row.append(label, cells, element("span", "strip-count"))
    return row
  }

  fill(row, summary, now) {
    const tag = this.known.get(summary.name)
    const { parts } = this.answer
    const [label, cells, count] = row.children
    label.textContent = tag.label
    row.classList.toggle("open", this.open.has(summary.name))
    const flags = summary.count === 1 ? "1 flag" : `${summary.count.toLocaleString("en-US")} flags`
    count.textContent = summary.seen ? (summary.count ? `${now ? "◆ " : ""}${flags}` : "") : "no data"
    count.classList.toggle("abnormal", Boolean(summary.count))
    const most = Math.max(1, summary.seen / parts)
    const marks = summary.flagged.map(([at, n]) => cell(at, "flag", Math.min(1, 0.35 + (3 * n) / most)))
    marks.push(...summary.doubtful.map(([at]) => cell(at, "doubt", 1)), ...summary.empty.map((at) => cell(at, "hole", 1) + cell(at, "empty", 0.6)))
    const text = marks.join("")
    if (cells.dataset.drawn !== text) {
      cells.dataset.drawn = text
      cells.setAttribute("viewBox", `0 0 ${parts} 10`)
      cells.innerHTML = text
    }
    const span = duration(this.data.span * 1000)
    row.setAttribute(
      "aria-label",
      `${tag.label}: ${summary.seen ? flags : "no data"} in the last ${span}${now ? ", flagged now" : ""}; opens its chart`,
    )
    row.title = `${tag.label}, ${summary.name}`
  }
}

// Doubtful readings fill the lower half, missing ones leave only a line, so that they differ without colour.
function cell(at, kind, opacity) {
  const [y, height] = { flag: [0, 10], doubt: [5, 5], hole: [0, 9], empty: [9, 1] }[kind]
  const width = kind === "flag" || kind === "doubt" ? 0.9 : 1.02
  return `<rect class="${kind}" x="${at}" y="${y}" width="${width}" height="${height}" opacity="${opacity.toFixed(2)}"/>`
}
