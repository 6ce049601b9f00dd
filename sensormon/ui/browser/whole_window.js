// A screen over the whole window, which nobody operates: Esc leaves it, F fills the screen, and any other key or the
// pointer shows these two for a while. What it is not: what is shown there; see wall.js and own_board.js.
import { element } from "./dom.js"
import { RELOAD } from "./feed.js"

const HINT = 3000 // ms for which the keys are named after the pointer moved
const REFUSED = 30_000 // ms of an unknown key after which the page is loaded again

export class WholeWindow {
  // `frame` fills the window; the screen is left for the same address without these `parameters`.
  constructor(frame, parameters) {
    this.frame = frame
    this.parameters = parameters
    const hint = element("div", "wall-hint")
    hint.textContent = "Esc leaves · F full screen"
    frame.append(hint)
    document.body.append(frame)
    this.keys = (event) => this.pressed(event)
    this.moved = () => this.hint()
    document.addEventListener("keydown", this.keys, true)
    document.addEventListener("pointermove", this.moved)
    document.documentElement.classList.add("wall-on")
    navigator.wakeLock?.request("screen").catch(() => {})
  }

  stop() {
    clearTimeout(this.hinting)
    document.removeEventListener("keydown", this.keys, true)
    document.removeEventListener("pointermove", this.moved)
    document.documentElement.classList.remove("wall-on")
    this.frame.remove()
  }

  // Takes the feed's failure, null without one. A server that refuses the key answers, but to a new page only.
  reloadIfRefused(failure) {
    if (failure !== RELOAD) this.refused = 0
    else this.refused ||= Date.now()
    if (this.refused && Date.now() - this.refused > REFUSED) window.location.reload()
  }

  pressed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return
    event.stopPropagation()
    if (event.key === "Escape") this.leave()
    else if (event.key === "f") this.fill()
    else this.hint()
  }

  leave() {
    const url = new URL(window.location.href)
    for (const name of this.parameters) url.searchParams.delete(name)
    window.location.assign(url)
  }

  fill() {
    const filled = document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen?.()
    filled?.catch(() => {})
  }

  hint() {
    this.frame.classList.add("moved")
    clearTimeout(this.hinting)
    this.hinting = setTimeout(() => this.frame.classList.remove("moved"), HINT)
  }
}
