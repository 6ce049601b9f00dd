// Has a screen reader announce the text of a container whenever it changes. On a page that is drawn slowly the
// container comes after this module, and Streamlit may put another in its place, so the search is repeated.
const EVERY = 1000 // ms

let watching = false

export function aloud() {
  look()
  if (watching) return
  watching = true
  setInterval(look, EVERY)
}

function look() {
  const container = document.querySelector(".st-key-read-aloud:not([role=status])")
  if (!container) return
  container.setAttribute("role", "status")
  container.setAttribute("aria-live", "polite")
}
