// Moving and resizing a tile, by dragging and by the arrow keys; editing and removing it.
//
// The page is told where a tile shall lie once the pointer lets go; it answers where all tiles lie then.
import { button, element, labelled } from "./dom.js"

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
const COLUMNS = 12

export class TileHandles {
  // `tell(act)` sends a change to the page.
  constructor(node, grid, tell) {
    this.node = node
    this.grid = grid
    this.tell = tell
    this.sent = 0
    this.bar = element("div", "own-bar")
    this.move = button("tool own-move", "", () => {})
    this.edit = button("tool", "", () => this.tell({ what: "edit", tile: this.facts.id, count: ++this.sent }))
    this.drop = button("tool", "", () => this.tell({ what: "remove", tile: this.facts.id, count: ++this.sent }))
    this.size = button("own-size", "", () => {})
    this.bar.append(this.move, this.edit, this.drop)
    this.node.append(this.bar, this.size)
    this.listen(this.move, (place, [x, y]) => ({ ...place, column: place.column + x, row: place.row + y }))
    this.listen(this.size, (place, [x, y]) => ({ ...place, width: place.width + x, height: place.height + y }))
  }

  show(editing, facts) {
    this.facts = facts
    this.bar.hidden = this.size.hidden = !editing
    const title = facts.title || "text"
    labelled(this.move, "✥", `Move ${title}: drag, or use the arrow keys`)
    labelled(this.edit, "Edit", `Edit ${title}`)
    labelled(this.drop, "✕", `Remove ${title}`)
    labelled(this.size, "◢", `Resize ${title}: drag, or use the arrow keys`)
  }

  get place() {
    const { column, row, width, height } = this.facts
    return { column, row, width, height }
  }

  // On the grid, and not smaller than its kind allows.
  fitted({ column, row, width, height }) {
    const [leastWidth, leastHeight] = this.facts.least
    const wide = Math.min(Math.max(width, leastWidth), COLUMNS)
    return {
      width: width === this.facts.width ? wide : Math.min(wide, COLUMNS - column),
      height: Math.max(height, leastHeight),
      column: Math.min(Math.max(column, 0), COLUMNS - wide),
      row: Math.max(row, 0),
    }
  }

  put(place) {
    for (const [name, steps] of Object.entries(place)) this.node.style.setProperty(`--${name}`, steps)
  }

  send(place) {
    if (JSON.stringify(place) === JSON.stringify(this.place)) return
    this.put(place)
    this.facts = { ...this.facts, ...place } // further keys count from here, before the page has answered
    this.tell({ what: "place", tile: this.facts.id, ...place, count: ++this.sent })
  }

  listen(handle, changed) {
    handle.onkeydown = (event) => {
      const step = STEPS[event.key]
      if (!step) return
      event.preventDefault()
      event.stopPropagation()
      this.send(this.fitted(changed(this.place, step)))
    }
    handle.onpointerdown = (event) => {
      if (event.button !== 0) return
      event.preventDefault()
      handle.focus()
      const { clientX, clientY, pointerId } = event
      const style = getComputedStyle(this.grid)
      const gap = parseFloat(style.columnGap) || 0
      const wide = (this.grid.clientWidth + gap) / COLUMNS
      const high = parseFloat(style.gridAutoRows) + (parseFloat(style.rowGap) || 0)
      let place = this.place
      handle.setPointerCapture(pointerId)
      this.node.classList.add("held")
      handle.onpointermove = (moved) => {
        const step = [Math.round((moved.clientX - clientX) / wide), Math.round((moved.clientY - clientY) / high)]
        place = this.fitted(changed(this.place, step))
        this.put(place)
      }
      const end = (kept) => {
        handle.onpointermove = handle.onpointerup = handle.onpointercancel = null
        this.node.classList.remove("held")
        if (kept) this.send(place)
        else this.put(this.place)
      }
      handle.onpointerup = () => end(true)
      handle.onpointercancel = () => end(false)
    }
  }
}
