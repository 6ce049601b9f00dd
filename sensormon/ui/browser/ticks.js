// The list of events tells of a tick a moment after it is seen. What is pressed within that moment waits for it, or
// it would be done to the events that were chosen before.
const TOLD = 400 // ms

let ticked = 0
let listening = false

export function ticks() {
  if (listening) return
  listening = true
  document.addEventListener("pointerdown", ({ target }) => seen(target), true)
  document.addEventListener("keydown", pressedKey, true)
  document.addEventListener("click", (event) => wait(event, event.target.closest?.(".st-key-event-actions button")), true)
}

function seen(target) {
  if (target.closest?.(".st-key-event-rows")) ticked = Date.now()
}

function pressedKey(event) {
  if (event.key === " " || event.key === "Enter") seen(event.target)
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.target.closest?.("input, textarea")
  if (plain && event.key === "a") wait(event, document.querySelector(".st-key-acknowledge button"))
}

function wait(event, button) {
  const left = ticked + TOLD - Date.now()
  const name = [...(button?.closest("[class*=st-key-]")?.classList ?? [])].find((one) => one.startsWith("st-key-"))
  if (!name || left <= 0) return
  event.preventDefault()
  event.stopImmediatePropagation()
  setTimeout(() => document.querySelector(`.${name} button`)?.click(), left)
}
