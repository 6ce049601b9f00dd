// The bell in the head of every page: how much is wrong now, and a panel that lists it.
//
// `data`: key (of the page), may (why the viewer may not acknowledge or shelve, by act; empty if allowed) and
// named (whether acts need no question for a name). Reports `act` to Python: {what, tag, newest, event}.
import { follow, hasten, LOST, renew, silence } from "./active_feed.js"
import { button, element, labelled, set, stylesheet } from "./dom.js"
import { clock, duration } from "./numbers.js"
import { Ringer } from "./ringer.js"

const BELL =
  "<svg viewBox='0 0 24 24' aria-hidden='true'><path d='M12 3a6 6 0 0 0-6 6v4.5L4.2 17h15.6L18 13.5V9a6 6 0 0 0-6-6zM9.8 19.5a2.3 2.3 0 0 0 4.4 0z'/></svg>"
const EVERY = 1000 // ms between two updates of what changes with time alone
// By severity, the mark while somebody has to look and afterwards; the same symbols as `view/severity.py`.
const MARKS = { high: ["◆", "◇"], medium: ["▲", "△"], low: ["●", "○"] }
const COUNTED = 99 // the highest number on the bell

const bells = new WeakMap()
let ringer

export function mount(component) {
  const root = component.parentElement
  let bell = bells.get(root)
  if (!bell) bells.set(root, (bell = new Bell(root, component.data)))
  bell.update(component)
}

export function unmount(root) {
  bells.get(root)?.stop()
  bells.delete(root)
}

class Bell {
  constructor(root, data) {
    stylesheet("bell.css")
    this.data = data
    this.rows = new Map() // the rows of the open panel, by the item's key
    ringer ??= new Ringer()
    this.face = button("bell", "", () => this.toggle())
    this.face.innerHTML = BELL
    this.count = element("span", "bell-count")
    this.face.append(this.count)
    this.face.setAttribute("aria-haspopup", "dialog")
    this.face.setAttribute("aria-expanded", "false")
    root.append(this.face)
    this.unfollow = follow(data.key, (feed) => this.take(feed))
    this.ticking = setInterval(() => this.tick(), EVERY)
    this.outside = (event) => {
      if (this.panel && !this.panel.contains(event.target) && !this.face.contains(event.target)) this.close(false)
    }
    document.addEventListener("pointerdown", this.outside)
    this.show()
  }

  update({ data, setTriggerValue }) {
    this.data = data
    this.report = (act) => setTriggerValue("act", act)
    renew(data.key)
    if (this.panel) this.fill()
  }

  stop() {
    this.unfollow()
    clearInterval(this.ticking)
    document.removeEventListener("pointerdown", this.outside)
    this.close(false)
    this.face.remove()
  }

  take(feed) {
    const changed = feed.list !== this.list
    this.list = feed.list
    this.offset = feed.offset
    if (!this.list) return
    if (changed) ringer.take(this.list, () => this.open())
    this.show()
    if (this.panel && changed) this.refresh()
  }

  get lost() {
    return silence() > LOST
  }

  // -- the bell itself ------------------------------------------------------------------

  show() {
    const { list, lost } = this
    const number = list ? list.attention || list.count : 0
    set(this.count, lost ? "?" : number > COUNTED ? `${COUNTED}+` : number ? String(number) : "")
    this.face.dataset.worst = lost ? "" : (list?.worst ?? "")
    const words = lost ? "The monitor does not answer" : summary(list)
    if (this.face.title === words) return
    this.face.title = words
    this.face.setAttribute("aria-label", `Wrong now: ${words}`)
  }

  tick() {
    this.show()
    if (!this.panel) return
    if (!this.panel.matches(":hover, :focus-within")) this.settle()
    for (const row of this.rows.values()) row.age(Date.now() + this.offset)
    const lost = this.lost
    const list = this.list
    const old = list?.events > 0 ? `The database is away: events are those of ${clock(list.events)}.` : ""
    set(this.notice, lost ? `No answer from the monitor for ${duration(silence())}; the list is from then.` : old)
  }

  // -- the panel --------------------------------------------------------------------------

  toggle() {
    if (this.panel) this.close(true)
    else this.open()
  }

  open() {
    if (this.panel) return
    this.panel = element("div", "bell-panel")
    this.panel.setAttribute("role", "dialog")
    this.panel.setAttribute("aria-label", "Wrong now")
    this.panel.tabIndex = -1
    const head = element("div", "bell-head")
    this.heading = element("h2", "")
    const close = labelled(button("bell-close", "", () => this.close(true)), "✕", "Close")
    head.append(this.heading, close)
    this.notice = element("div", "bell-notice abnormal")
    this.notice.setAttribute("role", "status")
    this.news = element("div", "bell-news quiet")
    this.newsWords = element("span", "")
    this.again = button("plain", "Show", () => this.fill())
    this.news.append(this.newsWords, this.again)
    this.items = element("ul", "bell-items")
    this.quiet = element("details", "bell-quiet")
    this.panel.append(head, this.notice, this.news, this.items, this.quiet, this.foot())
    this.panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return
      event.stopPropagation()
      this.close(true)
    })
    this.panel.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !this.panel?.contains(event.relatedTarget)) this.close(false)
    })
    document.body.append(this.panel)
    this.settle()
    this.face.setAttribute("aria-expanded", "true")
    this.fill()
    this.panel.focus({ preventScroll: true })
  }

  // Puts the panel below the bell, which a problem above it or scrolling may have moved.
  settle() {
    const below = this.face.getBoundingClientRect()
    const top = Math.max(8, below.bottom + 6)
    this.panel.style.top = `${top}px`
    this.panel.style.right = `${Math.max(8, document.documentElement.clientWidth - below.right - 8)}px`
    this.panel.style.maxHeight = `calc(100dvh - ${top + 12}px)`
  }

  close(refocus) {
    if (!this.panel) return
    const panel = this.panel
    this.panel = undefined
    this.rows.clear()
    panel.remove()
    this.face.setAttribute("aria-expanded", "false")
    if (refocus) this.face.focus({ preventScroll: true })
  }

  // Draws the list anew, in its order.
  fill() {
    const { list } = this
    const focused = document.activeElement?.closest?.(".bell-item")?.dataset.key
    const at = document.activeElement?.className
    this.rows.clear()
    for (const item of list?.items ?? []) this.rows.set(item.key, new Row(item, this))
    this.items.replaceChildren(...[...this.rows.values()].map((row) => row.node))
    if (!this.rows.size) this.items.append(nothing(list))
    if (list && list.count > list.items.length) {
      const more = element("li", "quiet")
      more.textContent = `${list.count - list.items.length} more; the Anomalies page lists them.`
      this.items.append(more)
    }
    this.drawQuiet()
    this.refresh()
    this.tick()
    if (focused) (this.rows.get(focused)?.node.querySelector(`[class="${at}"]`) ?? this.panel).focus({ preventScroll: true })
  }

  // Updates the rows where they are: nothing moves under the pointer. What is new waits for a click.
  refresh() {
    const { list } = this
    const now = new Map((list?.items ?? []).map((item) => [item.key, item]))
    for (const [key, row] of this.rows) row.update(now.get(key))
    const fresh = [...now.keys()].filter((key) => !this.rows.has(key)).length
    const gone = [...this.rows.keys()].filter((key) => !now.has(key)).length
    set(this.heading, list ? heading(list) : "Asking …")
    const words = [fresh ? `${fresh} new` : "", gone ? `${gone} no longer wrong` : ""].filter(Boolean).join(", ")
    set(this.newsWords, words || (this.rows.size ? "Worst first" : ""))
    this.again.style.visibility = words ? "visible" : "hidden"
    if (!this.rows.size && fresh) this.fill()
    set(this.summary, quietWords(list))
    this.quiet.hidden = !list?.quiet_count
  }

  drawQuiet() {
    this.summary = element("summary", "")
    const rows = element("ul", "bell-items")
    for (const item of this.list?.quiet ?? []) {
      const row = element("li", "bell-quiet-item")
      const { kind, until, who, reason } = item.quiet
      const words = kind === "shelved" ? `shelved until ${minute(until)} by ${who}` : `maintenance until ${minute(until)}`
      const name = element("b", "")
      name.textContent = item.label
      row.append(name, ` ${words}${reason ? `: ${reason}` : ""}`)
      rows.append(row)
    }
    const open = this.quiet.open
    this.quiet.replaceChildren(this.summary, rows)
    this.quiet.open = open
  }

  // -- the foot: where to go, and how to be called -------------------------------------------------

  foot() {
    const foot = element("div", "bell-foot")
    const links = button("bell-link", "Shelved tags and maintenance", () => this.go({ what: "quiet" }))
    const sound = toggle("Sound", ringer.sounds, (box) => {
      ringer.setSound(box.checked)
      say()
    })
    const notes = toggle("Browser notifications", ringer.notifies, async (box) => {
      box.checked = await ringer.setNotes(box.checked)
      say()
    })
    const words = element("div", "quiet bell-hint")
    words.setAttribute("role", "status")
    const say = () => {
      const reasons = new Set(Object.values(this.data.may).filter(Boolean))
      const blocked = ringer.obstacle
      notes.querySelector("input").disabled = Boolean(blocked)
      const muted = ringer.muted ? "The sound waits for a click on this page." : ""
      set(words, ["New events of medium or high severity call once.", blocked, muted, ...reasons].filter(Boolean).join(" "))
    }
    say()
    foot.append(sound, notes, links, words)
    return foot
  }

  // Reports an act that leaves the panel.
  go(act) {
    this.close(true)
    this.report({ ...act, n: Date.now() })
  }

  act(act) {
    if (!this.data.named) return this.go(act)
    this.report({ ...act, n: Date.now() })
    hasten()
  }
}

// An item of the list in the panel.
class Row {
  constructor(item, bell) {
    this.bell = bell
    this.node = element("li", "bell-item")
    this.node.dataset.key = item.key
    const line = element("div", "bell-line")
    this.mark = element("span", "bell-mark")
    this.mark.setAttribute("aria-hidden", "true")
    this.label = element("b", "")
    this.severity = element("span", "bell-severity")
    this.since = element("span", "quiet bell-since")
    line.append(this.mark, this.label, this.severity, this.since)
    this.what = element("div", "bell-what")
    const acts = element("div", "bell-acts")
    this.state = element("span", "bell-state")
    this.acknowledge = button("plain bell-acknowledge", "Acknowledge", () => {
      this.acknowledge.disabled = true
      bell.act({ what: "acknowledge", tag: this.item.tag, newest: this.item.newest })
    })
    this.shelve = button("plain bell-shelve", "Shelve …", () => bell.go({ what: "shelve", tag: this.item.tag }))
    this.open = button("plain bell-open", "Open", () =>
      bell.go(this.item.event ? { what: "open", event: this.item.event } : { what: this.item.tag ? "live" : "pipeline", tag: this.item.tag }),
    )
    acts.append(this.state, this.acknowledge, this.shelve, this.open)
    this.node.append(line, this.what, acts)
    this.update(item)
  }

  // Shows the item, or that it is off the list if there is none.
  update(item) {
    this.node.classList.toggle("gone", !item)
    if (!item) {
      set(this.state, "no longer wrong")
      this.acknowledge.hidden = this.shelve.hidden = true
      return
    }
    this.item = item
    const { may } = this.bell.data
    this.node.dataset.severity = item.attention ? item.severity : ""
    set(this.mark, mark(item))
    set(this.label, item.label)
    set(this.severity, item.severity)
    set(this.what, item.what)
    set(this.state, stateWords(item))
    this.acknowledge.hidden = !item.waiting
    this.acknowledge.disabled = Boolean(may.acknowledge)
    this.acknowledge.title = may.acknowledge
    this.acknowledge.setAttribute("aria-label", `Acknowledge ${item.label}`)
    this.shelve.hidden = !item.tag
    this.shelve.disabled = Boolean(may.shelve)
    this.shelve.title = may.shelve
    this.shelve.setAttribute("aria-label", `Shelve ${item.label}`)
    this.open.setAttribute("aria-label", `Open ${item.label}`)
    this.age(Date.now() + this.bell.offset)
  }

  age(now) {
    const { since } = this.item
    const minutes = Math.floor((now - since) / 60000)
    const long = minutes < 1 ? "" : `, ${duration(minutes * 60000)}`
    set(this.since, since ? `since ${minute(since)}${long}` : "")
  }
}

export function mark({ severity, attention }) {
  const [waiting, calm] = MARKS[severity] ?? MARKS.high
  return attention ? waiting : calm
}

export function stateWords(item) {
  if (item.who) return `acknowledged by ${item.who} at ${minute(item.when)}`
  if (item.kind === "silence") return item.waiting ? "silent, event not acknowledged" : "silent"
  if (item.kind === "monitor") return ""
  return item.over ? "over, not acknowledged" : "ongoing, not acknowledged"
}

function heading(list) {
  if (!list.count) return "Nothing is wrong now"
  const known = list.count - list.attention
  return [list.attention ? `${list.attention} wrong now` : "", known ? `${known} acknowledged` : ""].filter(Boolean).join(", ")
}

function summary(list) {
  if (!list) return "asking"
  const words = list.count ? heading(list) : "nothing"
  return list.worst ? `${words}, the worst is ${list.worst}` : words
}

function quietWords(list) {
  const count = list?.quiet_count ?? 0
  return `${count} shelved or in maintenance`
}

function nothing(list) {
  const line = element("li", "quiet bell-nothing")
  line.textContent = list ? "No event to acknowledge in the last 8 hours, no silent tag, no problem of the monitor." : "…"
  return line
}

function minute(time) {
  return clock(time).slice(0, -3)
}

function toggle(text, on, change) {
  const label = element("label", "bell-toggle")
  const box = element("input", "")
  box.type = "checkbox"
  box.checked = on
  box.addEventListener("change", () => change(box))
  label.append(box, text)
  return label
}
