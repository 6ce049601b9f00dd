// A dismissed greeting does not come back: a cookie tells the server before it draws.
const COOKIE = "sensormon-greeted=1; path=/; max-age=31536000; samesite=lax"

let listening = false

export function welcome() {
  if (listening) return
  listening = true
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.(".st-key-put-away button")) return
    document.cookie = COOKIE
    document.getElementById("stMain")?.focus({ preventScroll: true })
  })
}
