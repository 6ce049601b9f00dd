// The words of the first visit are shown until they are put away; the browser remembers that.
const NAME = "sensormon-first-visit"
let listening = false

export function welcome() {
  // Somebody who was sent a link to a view came for that view.
  const shown = !remembered(NAME) && !window.location.search
  document.documentElement.classList.toggle("first-visit", shown)
  if (listening) return
  listening = true
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.(".put-away")) return
    remember(NAME, "over")
    document.documentElement.classList.remove("first-visit")
    document.getElementById("stMain")?.focus({ preventScroll: true })
  })
}

// A browser may keep nothing (private windows, blocked storage); then each visit is the first.
export function remembered(name) {
  try {
    return window.localStorage.getItem(name)
  } catch {
    return null
  }
}

export function remember(name, value) {
  try {
    window.localStorage.setItem(name, value)
  } catch {
    return
  }
}
