// What is wrong now, asked of the server once for all parts of the page that show it: bell and wall screen.
//
// Asks every two seconds, more rarely while nobody sees the page or the server is silent, and only while
// something follows. What it is not: a place that draws.

const EVERY = 2000 // ms between an answer and the next request
const HIDDEN = 5000 // the same while nobody sees the page
const SOON = 400 // the same after somebody has acted
const ACTED = 4000 // ms for which an act is expected to show
const PATIENCE = 10000 // ms an answer may take

export const LOST = 9000 // ms without an answer after which the server is silent

const followers = new Set()
const feed = { list: null, offset: 0, answered: 0, refused: false }
let key = ""
let timer = 0
let asking = false
let began = 0
let acted = 0

// From now on `follower` is called with the feed after each answer or failure; returns how to stop that.
export function follow(pageKey, follower) {
  key = pageKey
  if (!followers.size) began = Date.now()
  followers.add(follower)
  if (feed.list) follower(feed)
  ask()
  return () => {
    followers.delete(follower)
    if (!followers.size) clearTimeout(timer)
  }
}

// The page has a new key: the server was started again.
export function renew(pageKey) {
  if (key === pageKey) return
  key = pageKey
  ask()
}

// Somebody has acted: ask often until that shows.
export function hasten() {
  acted = Date.now()
  ask()
}

// How long the server has been silent (ms).
export function silence() {
  return Date.now() - (feed.answered || began)
}

document.addEventListener("visibilitychange", () => !document.hidden && followers.size && ask())

async function ask() {
  clearTimeout(timer)
  if (asking) return
  asking = true
  const url = new URL("api/live/active", window.location.href)
  if (feed.list) url.searchParams.set("known", feed.list.version)
  try {
    const answer = await fetch(url, {
      headers: { "X-Sensormon-Page": key },
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE),
    })
    feed.refused = answer.status === 401
    if (!answer.ok) throw new Error(`status ${answer.status}`)
    const list = await answer.json()
    feed.answered = Date.now()
    feed.offset = Number(answer.headers.get("X-Sensormon-Now") ?? feed.answered) - feed.answered
    if (list.items) feed.list = list
  } catch {
    // No answer is a result, too: `silence` grows.
  } finally {
    asking = false
  }
  for (const follower of [...followers]) follower(feed)
  if (!followers.size) return
  clearTimeout(timer)
  const soon = Date.now() - acted < ACTED
  timer = setTimeout(ask, soon ? SOON : document.hidden ? HIDDEN : EVERY)
}
