// Says that the monitor does not answer, where the page would go on showing what was true before.
import { element, set } from "./dom.js"
import { duration } from "./numbers.js"

const LOST = 6000 // ms without a new status line; it comes every second
const BUSY = 60000 // ms without one while a page is being made: it waits for that
const EVERY = 1000 // ms

let seen = ""
let since = 0
let banner

export function silence() {
  if (banner) return
  banner = element("div", "silence")
  banner.setAttribute("role", "status")
  banner.hidden = true
  document.body.append(banner)
  since = Date.now()
  // A page that nobody saw was not renewed either.
  document.addEventListener("visibilitychange", () => (since = Date.now()))
  setInterval(look, EVERY)
}

function look() {
  const line = document.querySelector(".status[data-at]")
  const at = line?.dataset.at ?? ""
  if (at !== seen || document.hidden) [seen, since] = [at, Date.now()]
  const silent = Date.now() - since
  const running = document.querySelector("[data-testid=stApp][data-test-script-state=running]")
  const lost = Boolean(line) && silent > (running ? BUSY : LOST)
  banner.hidden = !lost
  line?.classList.toggle("old", lost)
  if (lost) set(banner, `No answer from the monitor for ${duration(silent)}; what is shown is from then.`)
}
