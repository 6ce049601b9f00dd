// A dismissed greeting does not come back: a cookie tells the server before it draws.
// What there is to try opens with the part that it names in view and focused.
const COOKIE = "sensormon-greeted=1; path=/; max-age=31536000; samesite=lax"
const ABOUT = /st-key-(?:first|help)-try-[a-z]+-about-([a-z-]+)/
const WAIT = 20000 // ms for the page to draw the part
const STILL = 400 // ms in which nothing above the part may move any more

let listening = false

export function welcome() {
  if (listening) return
  listening = true
  document.addEventListener("click", (event) => {
    const about = event.target.closest?.('[class*="-try-"] a')?.closest('[class*="-about-"]')?.className.match(ABOUT)?.[1]
    if (about) land(about, Date.now() + WAIT)
    if (!event.target.closest?.(".st-key-put-away button")) return
    document.cookie = COOKIE
    document.getElementById("stMain")?.focus({ preventScroll: true })
  }, true)
}

function land(key, until, before = null) {
  const part = document.querySelector(`.st-key-${key}`)
  const drawn = part?.getClientRects().length
  const top = drawn ? part.getBoundingClientRect().top : null
  if (drawn && before !== null && Math.abs(top - before) < 2) {
    part.tabIndex = -1
    part.scrollIntoView({ block: part.offsetHeight > window.innerHeight / 2 ? "start" : "center" })
    part.focus({ preventScroll: true })
  } else if (Date.now() < until) setTimeout(() => land(key, until, top), STILL)
}
