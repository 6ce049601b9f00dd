// A board of one's own: tiles on a grid, on the page or over the whole window, and their editing.
//
// Tiles keep their elements and their readings while the board is edited. `data`: see
// sensormon/ui/board_canvas.py. What it is not: the keeper of the board; each change goes to the page.
import { BoardFeeds } from "./board_feeds.js"
import { TileHandles } from "./board_handles.js"
import { BoardTile } from "./board_tile.js"
import { element, paint, set, stylesheet } from "./dom.js"
import { LOST, RELOAD } from "./feed.js"
import { clock, duration } from "./numbers.js"
import { plotly } from "./plotly.js"
import { WholeWindow } from "./whole_window.js"

const TICK = 500 // ms between two updates of what changes with time alone

const boards = new WeakMap()

export function mount(component) {
  const root = component.parentElement
  let board = boards.get(root)
  if (!board) boards.set(root, (board = new OwnBoard(root, component.data)))
  board.update(component)
}

export function unmount(root) {
  boards.get(root)?.stop()
  boards.delete(root)
}

class OwnBoard {
  constructor(root, data) {
    for (const file of ["board.css", "wall.css", "own_board.css"]) stylesheet(file)
    this.tiles = new Map()
    this.feeds = new BoardFeeds((tags, urgent) => this.draw(tags, urgent))
    this.wall = data.wall
    this.build(root)
    this.ticking = setInterval(() => this.tick(), TICK)
    this.resizing = new ResizeObserver(() => this.draw(null))
    this.resizing.observe(this.grid)
  }

  build(root) {
    this.grid = element("div", "own-grid")
    this.notice = element("div", "own-notice quiet")
    this.notice.setAttribute("role", "status")
    this.frame = element(this.wall ? "main" : "div", this.wall ? "wall own-wall" : "own-board")
    if (this.wall) {
      const head = element("header", "wall-head")
      this.title = element("h1", "")
      this.clock = element("time", "wall-clock")
      this.notice.classList.add("wall-age")
      head.append(this.title, this.notice, this.clock)
      this.frame.append(head, this.grid)
      this.window = new WholeWindow(this.frame, ["wall", "theme"])
    } else {
      this.frame.append(this.notice, this.grid)
      root.append(this.frame)
    }
  }

  update({ data, setTriggerValue, setStateValue }) {
    this.setTriggerValue = setTriggerValue
    const text = JSON.stringify(data)
    if (text === this.text) return
    this.text = text
    this.data = data
    paint(this.frame, data.colours)
    this.frame.style.setProperty("--rows", data.rows)
    this.frame.classList.toggle("editing", data.editing)
    if (this.wall) {
      set(this.title, data.title)
      this.frame.setAttribute("aria-label", data.title)
    }
    this.feeds.begin(data.key, data.tiles) // first: some tiles ask at once, with the page's key
    this.show()
    plotly().then(
      (Plotly) => {
        this.Plotly = Plotly
        this.feeds.start()
        this.draw(null)
      },
      () => setStateValue("unavailable", true),
    )
  }

  // The tiles that the data ask for. While the board is edited their elements stay in place, or a tile that is
  // moved by its keys would lose the focus.
  show() {
    const { data } = this
    const wanted = new Set(data.tiles.map(({ id }) => id))
    for (const [id, tile] of this.tiles) {
      if (wanted.has(id)) continue
      tile.remove()
      this.tiles.delete(id)
    }
    for (const facts of data.tiles) {
      const known = this.tiles.get(facts.id)
      if (known && known.facts.kind === facts.kind) continue
      known?.remove()
      this.tiles.set(facts.id, this.makeTile(facts))
    }
    for (const facts of data.tiles) this.tiles.get(facts.id).describe(facts, data)
    const inOrder = [...data.tiles].sort((one, other) => one.order - other.order)
    const nodes = inOrder.map(({ id }) => this.tiles.get(id).node)
    const { children } = this.grid
    const inPlace = (node, at) => (data.editing ? node.parentNode === this.grid : children[at] === node)
    if (nodes.length !== children.length || !nodes.every(inPlace)) this.grid.replaceChildren(...nodes)
    for (const tile of this.tiles.values()) tile.handles?.show(data.editing, tile.facts)
  }

  makeTile(facts) {
    const tile = new BoardTile(facts.kind, this.feeds)
    if (!this.wall) tile.handles = new TileHandles(tile.node, this.grid, (act) => this.act(act))
    return tile
  }

  act(act) {
    this.setTriggerValue("act", act)
  }

  // Draws the tiles that have one of these tags, or all.
  draw(fed, urgent = false) {
    if (!this.Plotly || document.hidden) return
    for (const tile of this.tiles.values()) if (!fed || tile.uses(fed)) tile.draw(this.Plotly, urgent)
    if (urgent) this.tick()
  }

  tick() {
    const { feeds } = this
    for (const tile of this.tiles.values()) tile.age()
    const { silence, failure, newest, now } = feeds
    const lost = silence > LOST && !document.hidden
    const reload = failure === RELOAD ? ` ${RELOAD}.` : ""
    const age = Number.isFinite(newest) ? `data ${duration(now - newest)} old` : ""
    set(this.notice, lost ? `No answer from the monitor for ${duration(silence)}; what is shown is from ${clock(now - silence)}.${reload}` : age)
    this.notice.classList.toggle("abnormal", lost)
    this.notice.classList.toggle("quiet", !lost)
    if (!this.wall) return
    this.frame.classList.toggle("old", lost)
    set(this.clock, new Date(now).toTimeString().slice(0, 8))
    this.window.reloadIfRefused(failure)
  }

  stop() {
    this.feeds.stop()
    clearInterval(this.ticking)
    this.resizing.disconnect()
    for (const tile of this.tiles.values()) tile.remove()
    this.window?.stop()
    this.frame.remove()
  }
}
