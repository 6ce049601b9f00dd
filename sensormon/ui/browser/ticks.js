// A table reports a tick, or a cell just typed, a moment after it is seen. A press within that moment waits for
// the report; it would act on the events that were selected before, or without that cell. See ui/url_state.py.
const REPORTED = 400 // ms
const HELD = ".st-key-event-actions button, .st-key-tags-review button"
const TYPED = "#portal, .st-key-tags-grid" // the field over a cell is in a portal

let ticked = 0
let listening = false

export function ticks() {
  if (listening) return
  listening = true
  document.addEventListener("pointerdown", ({ target }) => seen(target), true)
  document.addEventListener("keydown", pressedKey, true)
  document.addEventListener("click", (event) => wait(event, event.target.closest?.(HELD)), true)
}

function seen(target) {
  const typing = document.querySelector("#portal :is(input, textarea)") // what leaves it now is on its way, too
  if (typing || target.closest?.(".st-key-event-rows")) ticked = Date.now()
}

function pressedKey(event) {
  if (event.target.closest?.(TYPED)) ticked = Date.now()
  if (event.key === " " || event.key === "Enter") seen(event.target)
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.target.closest?.("input, textarea")
  if (plain && event.key === "a") wait(event, document.querySelector(".st-key-acknowledge button"))
}

function wait(event, button) {
  const left = ticked + REPORTED - Date.now()
  const name = [...(button?.closest("[class*=st-key-]")?.classList ?? [])].find((name) => name.startsWith("st-key-"))
  if (!name || left <= 0) return
  event.preventDefault()
  event.stopImmediatePropagation()
  setTimeout(() => document.querySelector(`.${name} button`)?.click(), left)
}
