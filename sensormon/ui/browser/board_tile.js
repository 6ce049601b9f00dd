// A tile of a board: its head, and in its body the part that draws its kind.
import { ChartPart } from "./board_chart.js"
import { EventsPart } from "./board_events.js"
import { NewestPart } from "./board_newest.js"
import { element, set } from "./dom.js"

class TextPart {
  constructor() {
    this.node = element("div", "tile-text")
  }

  describe({ html }) {
    if (this.html === html) return
    this.html = html
    this.node.innerHTML = html // escaped by sensormon/view/plain_text.py
  }

  draw() {}
  age() {}
  remove() {}
}

const PARTS = { chart: ChartPart, value: NewestPart, state: NewestPart, events: EventsPart, text: TextPart }

export class BoardTile {
  constructor(kind, feeds) {
    this.node = element("section", `own-tile own-${kind}`)
    this.head = element("header", "own-head")
    this.title = element("h3", "")
    this.said = element("span", "own-span quiet")
    this.head.append(this.title, this.said)
    this.gone = element("div", "own-gone")
    this.part = new PARTS[kind](feeds)
    this.node.append(this.head, this.gone, this.part.node)
  }

  // `facts`: sensormon/view/board_tiles.py; `board`: the whole data.
  describe(facts, board) {
    this.facts = facts
    const { style } = this.node
    for (const name of ["column", "row", "width", "height", "order"]) style.setProperty(`--${name}`, facts[name])
    set(this.title, facts.title)
    this.head.hidden = !facts.title && !board.editing
    this.words = facts.kind === "chart" || facts.kind === "events" ? facts.words : ""
    set(this.said, this.words)
    set(this.gone, facts.gone.length ? facts.gone.map((name) => `${name}: tag removed`).join(" · ") : "")
    this.gone.hidden = !facts.gone.length
    this.node.setAttribute("aria-label", facts.title || "Text")
    this.node.dataset.kind = facts.kind
    this.node.dataset.place = `${facts.column},${facts.row} ${facts.width}x${facts.height}`
    this.part.describe(facts, board)
  }

  // Whether it shows one of these tags; each stands behind its span.
  uses(fed) {
    const { span, tags, long } = this.facts
    return !long && tags.some(({ name }) => fed.has(`${span} ${name}`))
  }

  draw(Plotly, urgent) {
    this.part.draw(Plotly, urgent)
  }

  age() {
    this.part.age()
    const said = this.part.said
    if (!said) return
    set(this.said, `${said.abnormal ? "◆ " : ""}${said.value} · ${this.words}`)
    this.said.classList.toggle("abnormal", said.abnormal)
    this.node.classList.toggle("abnormal-edge", said.abnormal)
  }

  remove() {
    this.part.remove()
    this.node.remove()
  }
}
