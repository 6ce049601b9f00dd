// Says in plain words that the server is away, while the page still shows old data, and until it is back.
// Streamlit's own dialog about that is closed: it speaks to programmers, and takes the keyboard from a field.
import { button, element, set } from "./dom.js"
import { followFocus, keepDrafts, lostDrafts } from "./drafts.js"
import { duration } from "./numbers.js"

const LATE = 3000 // ms without a new status line, which comes every second, after which the server is asked
const LOST = 9000 // ms without one, and without an answer, after which the banner shows
const BUSY = 60000 // the same if the server answers: it is busy with a page, and the status line waits
const STUCK = 20000 // ms without a status line from a server that answers again, after which a button reloads
const ASKED = 4000 // ms between two requests, and ms allowed for an answer
const EVERY = 1000 // ms
const SETTLED = 3000 // ms after the return, in which the page draws itself again

let seen = ""
let since = 0
let asked = 0
let answered = 0
let refused = false // the last request failed at once: nothing listens there
let away = false
let banner, words, age, drafts, reload

export function silence() {
  if (banner) return
  banner = element("div", "silence")
  words = element("div", "silence-words")
  words.setAttribute("role", "status")
  age = element("div", "silence-age") // not read aloud: it changes every second
  age.setAttribute("aria-hidden", "true")
  drafts = element("div", "silence-drafts")
  drafts.hidden = true
  reload = button("plain", "Reload the page", () => window.location.reload())
  reload.hidden = true
  banner.append(words, age, drafts, reload)
  banner.hidden = true
  document.body.append(banner)
  since = Date.now()
  // A hidden page is not refreshed either.
  document.addEventListener("visibilitychange", () => (since = Date.now()))
  followFocus()
  new MutationObserver(closeDialog).observe(document.body, { childList: true })
  setInterval(look, EVERY)
}

function look() {
  const now = Date.now()
  const line = document.querySelector(".status[data-at]")
  const at = line?.dataset.at ?? ""
  if (at !== seen || document.hidden) [seen, since] = [at, now]
  const silent = now - since
  if (silent > LATE && now - asked > ASKED) ask()
  const answers = now - answered < 2 * ASKED
  const lost = Boolean(line) && silent > (away && answers ? LOST : answers ? BUSY : refused ? LATE + EVERY : LOST)
  if (lost && !away) leave()
  if (!lost && away) comeBack()
  if (!lost) return
  const ago = `last seen ${duration(Math.floor(silent / 1000) * 1000)} ago`
  if (line.dataset.lastSeen !== ago) line.dataset.lastSeen = ago
  line.classList.add("old")
  set(age, `${ago[0].toUpperCase()}${ago.slice(1)}. What is shown is from then.`)
  reload.hidden = !(answers && silent > STUCK)
}

function leave() {
  away = true
  keepDrafts()
  drafts.hidden = true
  set(words, "The server does not answer. The page continues by itself as soon as it does; keep it open, and what you typed stays.")
  banner.hidden = false
  document.documentElement.classList.add("server-away")
}

function comeBack() {
  away = false
  banner.hidden = reload.hidden = true
  document.documentElement.classList.remove("server-away")
  const line = document.querySelector(".status[data-at]")
  line?.classList.remove("old")
  delete line?.dataset.lastSeen
  setTimeout(() => away || sayLost(lostDrafts()), SETTLED)
}

// What was typed into a dialog that the return has closed.
function sayLost(lost) {
  if (!lost.length) return
  set(words, "The server is back. It closed a dialog before it was sent; this is what you had typed:")
  set(age, "")
  const list = element("dl", "words")
  for (const { label, value } of lost) {
    const [name, text] = [element("dt"), element("dd")]
    name.textContent = label
    text.textContent = value
    list.append(name, text)
  }
  drafts.replaceChildren(list, button("plain", "Close", () => (banner.hidden = true)))
  drafts.hidden = banner.hidden = false
}

function closeDialog() {
  const title = [...document.querySelectorAll("[role=dialog] > h2")].find((head) => head.textContent === "Connection error")
  title?.closest("[role=dialog]").querySelector("button[aria-label=Close]")?.click()
}

async function ask() {
  asked = Date.now()
  try {
    const answer = await fetch("_stcore/health", { cache: "no-store", signal: AbortSignal.timeout(ASKED) })
    refused = !answer.ok
    if (answer.ok) answered = Date.now()
  } catch (error) {
    refused = error.name !== "TimeoutError"
  }
}
