// Reloads the page after an error in Streamlit's own rendering has removed the app. See ui/url_state.py.
const EVERY = 1000 // ms between two checks
const GONE = 3000 // ms without the app before the page is reloaded
const APART = 30000 // ms between two reloads, so that a page that fails at once is not reloaded in a loop
const RELOADED = "sensormon-reloaded"

let since = 0
let watching = false

export function blank() {
  if (watching) return
  watching = true
  setInterval(look, EVERY)
}

function look() {
  const now = Date.now()
  if (document.querySelector("[data-testid=stApp]")) since = 0
  else since ||= now
  if (!since || now - since < GONE || now - Number(sessionStorage.getItem(RELOADED)) < APART) return
  sessionStorage.setItem(RELOADED, now)
  window.location.reload()
}
