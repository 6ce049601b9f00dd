// On a phone a tapped row of the events opens its detail as a sheet over the list, instead of far below it.
import { button } from "./dom.js"

const NARROW = window.matchMedia("(max-width: 640px)")
const ROWS = ".st-key-event-rows"
const DETAIL = ".st-key-panel-context"

let close

export function sheet() {
  if (close) {
    if (!document.querySelector(DETAIL)) put(false)
    return
  }
  close = button("plain sheet-close", "Close", () => put(false))
  close.hidden = true
  document.body.append(close)
  document.addEventListener("click", ({ target }) => {
    if (NARROW.matches && target.closest?.(ROWS) && document.querySelector(DETAIL)) put(true)
  })
  document.addEventListener("keydown", ({ key }) => key === "Escape" && put(false))
  NARROW.addEventListener("change", () => put(false))
}

function put(open) {
  document.documentElement.classList.toggle("sheet-open", open)
  close.hidden = !open
  if (open) close.focus({ preventScroll: true })
}
