// Loads the page anew where the app has gone from it: an error while Streamlit draws leaves nothing behind.
const EVERY = 1000 // ms
const GONE = 3000 // ms without the app
const APART = 30000 // ms between two times, so that what breaks at once does not go round and round
const KEPT = "sensormon-loaded-anew"

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
  if (!since || now - since < GONE || now - Number(sessionStorage.getItem(KEPT)) < APART) return
  sessionStorage.setItem(KEPT, now)
  window.location.reload()
}
