// Reports that the monitor does not answer, while the page still shows old data.
import { element, set } from "./dom.js"
import { duration } from "./numbers.js"

const LATE = 5000 // ms without a new status line, which comes every second, after which the server is asked
const LOST = 9000 // ms without one, and without an answer, after which the banner shows
const BUSY = 60000 // the same if the server answers: it is busy with a page, and the status line waits
const ASKED = 2500 // ms between two requests, and ms allowed for an answer
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
  // A hidden page is not refreshed either.
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
    // No answer is a result, too.
  }
}
