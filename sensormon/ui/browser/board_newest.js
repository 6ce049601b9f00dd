// The body of a tile of values or of states: the newest reading of each tag and the verdict on it.
import { element } from "./dom.js"
import { WallTile } from "./wall_tile.js"

const ROOM = 46 // px that a tag of several needs for two lines

export class NewestPart {
  constructor(feeds) {
    this.feeds = feeds
    this.node = element("div", "tile-newest")
    this.shown = new Map()
  }

  describe({ kind, tags, span, title }) {
    this.span = span
    const text = JSON.stringify([kind, tags, span, title])
    if (text === this.text) return
    this.text = text
    this.node.classList.toggle("alone", tags.length === 1)
    this.node.dataset.kind = kind
    this.shown = new Map(tags.map((tag) => [tag.name, new WallTile(tag, span)]))
    this.node.replaceChildren(...[...this.shown.values()].map(({ node }) => node))
    this.fill()
  }

  // The tiles of the wall screen read their own fields; here they are those that the board's feeds keep.
  fill() {
    for (const [name, tile] of this.shown) {
      const { tag } = this.feeds.of(this.span, name)
      tile.readings = tag.readings
      tile.head = tag.head
      tile.fresh = tag.answered
    }
  }

  draw() {
    this.fill()
    for (const tile of this.shown.values()) tile.draw(this.feeds.now)
  }

  age() {
    this.fill()
    this.node.classList.toggle("tight", this.shown.size > 1 && this.node.clientHeight / this.shown.size < ROOM)
    for (const tile of this.shown.values()) tile.age(this.feeds.now)
  }

  remove() {}
}
