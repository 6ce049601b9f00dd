// Says that the monitor does not answer, where the page would go on showing what was true before.
import { element, set } from "./dom.js"
import { duration } from "./numbers.js"

const LATE = 5000 // ms without a new status line, which comes every second; then the server is asked
const LOST = 9000 // ms without one, and without an answer, then it is said
const BUSY = 60000 // ms without one though the server answers: a page is being made, the line waits for it
const ASKED = 2500 // ms between two questions, and that an answer may take
const EVERY = 1000 // ms

let seen = ""
let since = 0
let asked = 0
let answered = 0
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
  const now = Date.now()
  const line = document.querySelector(".status[data-at]")
  const at = line?.dataset.at ?? ""
  if (at !== seen || document.hidden) [seen, since] = [at, now]
  const silent = now - since
  if (silent > LATE && now - asked > ASKED) ask()
  const lost = Boolean(line) && silent > (now - answered < 2 * ASKED ? BUSY : LOST)
  banner.hidden = !lost
  line?.classList.toggle("old", lost)
  if (lost) set(banner, `No answer from the monitor for ${duration(silent)}; what is shown is from then.`)
}

async function ask() {
  asked = Date.now()
  try {
    const answer = await fetch("_stcore/health", { cache: "no-store", signal: AbortSignal.timeout(ASKED) })
    if (answer.ok) answered = Date.now()
  } catch {
    // no answer: that is what was asked for
  }
}
