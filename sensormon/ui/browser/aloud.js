// The container whose words are read aloud whenever they change. It comes after this module where the page is
// drawn slowly, and Streamlit may put another one in its place; only its words are replaced otherwise.
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
