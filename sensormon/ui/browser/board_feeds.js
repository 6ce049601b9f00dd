// The readings of a board: tiles of the same span share one feed of the Live board's kind, and each tag's readings.
//
// Long spans and lists of events are asked for by the tiles themselves with `asking`.
import { Feed } from "./feed.js"
import { Readings, take } from "./readings.js"

const MOST_TAGS = 20 // of one request: what comes first is drawn first (the server takes 40)
const MOST_AT_ONCE = 40 // of one request for long spans: the server takes as many
const SPARE = 2000 // ms before the span for which readings are kept
const PATIENCE = 20_000 // ms an answer may take

export class BoardFeeds {
  // `taken(tags, whole)` is called after each answer with the tags that it has something new of: names behind their
  // span; `whole` is whether it had the whole span.
  constructor(taken) {
    this.taken = taken
    this.groups = new Map()
    this.gathered = new Map()
    this.started = false
  }

  // The feeds that these tiles need; those that stay the same go on.
  begin(key, tiles) {
    this.key = key
    const wanted = new Map()
    for (const { span, tags, long } of tiles) {
      if (long || !tags.length) continue
      const names = wanted.get(span) ?? new Set()
      for (const { name } of tags) names.add(name)
      wanted.set(span, names)
    }
    const groups = new Map()
    for (const [span, names] of wanted) {
      const all = [...names].sort()
      for (let first = 0; first < all.length; first += MOST_TAGS) {
        const chunk = all.slice(first, first + MOST_TAGS)
        groups.set(JSON.stringify([key, span, chunk]), { span, names: chunk })
      }
    }
    for (const [id, group] of this.groups) {
      if (groups.has(id)) continue
      group.feed.stop()
      this.groups.delete(id)
    }
    for (const [id, { span, names }] of groups) {
      if (this.groups.has(id)) continue
      const group = { span, names, tags: new Map(names.map((name) => [name, new TagReadings()])), events: {}, versions: [] }
      group.feed = new Feed({ take: (answer, whole) => this.take(group, answer, whole), unavailable: () => {} })
      group.feed.begin({ key, span, until: null, tags: names })
      this.groups.set(id, group)
      if (this.started) group.feed.start()
    }
  }

  start() {
    if (this.started) return
    this.started = true
    for (const { feed } of this.groups.values()) feed.start()
  }

  stop() {
    this.stopped = true
    for (const { feed } of this.groups.values()) feed.stop()
  }

  take(group, answer, whole) {
    let late = false
    const fed = new Set()
    for (const [name, tag] of group.tags) {
      const news = answer.tags[name]
      if (news && !take(tag, news, whole)) late = true
      tag.answered = true
      if (news?.x || whole) fed.add(`${group.span} ${name}`)
    }
    if (answer.events) {
      group.events = answer.events.spans
      for (const name of group.names) fed.add(`${group.span} ${name}`)
    }
    group.versions = answer.versions ?? []
    if (fed.size) this.taken(fed, whole)
    return late
  }

  // What is known of this tag over this span: its readings and the phrase on the newest one.
  of(span, name) {
    for (const group of this.groups.values()) {
      const tag = group.span === span && group.tags.get(name)
      if (tag) return { tag, events: group.events[name] ?? [], versions: group.versions }
    }
    return { tag: new TagReadings(), events: [], versions: [] }
  }

  // The monitor's time (ms UTC), as the feed that answered last knows it.
  get now() {
    return Date.now() + this.latest.offset
  }

  get latest() {
    const feeds = [...this.groups.values()].map(({ feed }) => feed).filter(({ answered }) => answered)
    return feeds.sort((one, other) => other.answered - one.answered)[0] ?? { offset: 0 }
  }

  // How long the feed that is silent for longest has been so (ms).
  get silence() {
    return Math.max(0, ...[...this.groups.values()].map(({ feed }) => feed.silence))
  }

  get failure() {
    return [...this.groups.values()].map(({ feed }) => feed.failure).find(Boolean) ?? null
  }

  // When the newest reading arrived (ms UTC); not finite without any.
  get newest() {
    let newest = -Infinity
    for (const { tags } of this.groups.values()) {
      for (const { head } of tags.values()) newest = Math.max(newest, head?.arrived ?? -Infinity)
    }
    return newest
  }

  trim(span, readings) {
    readings.trim(this.now - span * 1000 - SPARE)
  }

  // Asks this of another route again and again; returns how to stop that. `take(answer)` is called with each answer,
  // `pause(answer)` is how long to wait after it (ms); after a failure there is none.
  asking(route, span, names, take, pause) {
    let stopped = false
    let next
    const ask = async () => {
      let answer
      try {
        answer = await (route === "history" ? this.together(span, names) : this.asked(route, span, names))
        if (!stopped) take(answer)
      } catch {
        answer = undefined // the board's own notice says that the monitor does not answer
      }
      if (!stopped) next = setTimeout(ask, pause(answer))
    }
    ask()
    return () => {
      stopped = true
      clearTimeout(next)
    }
  }

  // The history of these tags: tiles that ask in the same moment share their requests, with each tag once.
  async together(span, names) {
    if (!this.gathered.has(span)) {
      const tags = new Set()
      const answer = new Promise((resolve) => setTimeout(resolve)).then(() => {
        this.gathered.delete(span)
        return this.histories(span, [...tags])
      })
      this.gathered.set(span, { tags, answer })
    }
    const { tags, answer } = this.gathered.get(span)
    for (const name of names) tags.add(name)
    return answer
  }

  async histories(span, names) {
    const chunks = []
    for (let first = 0; first < names.length; first += MOST_AT_ONCE) chunks.push(names.slice(first, first + MOST_AT_ONCE))
    const answers = await Promise.all(chunks.map((chunk) => this.asked("history", span, chunk)))
    return {
      ...answers[0],
      complete: answers.every(({ complete }) => complete),
      tags: Object.assign({}, ...answers.map(({ tags }) => tags)),
    }
  }

  // The answer of another route; throws without one.
  async asked(route, span, names) {
    const url = new URL(`api/live/${route}`, window.location.href)
    for (const name of names) url.searchParams.append("tag", name)
    url.searchParams.set("span", span)
    const answer = await fetch(url, {
      headers: { "X-Sensormon-Page": this.key },
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE),
    })
    if (!answer.ok) throw new Error(`status ${answer.status}`)
    return answer.json()
  }
}

class TagReadings {
  constructor() {
    this.readings = new Readings()
    this.head = null
    this.answered = false
  }
}
