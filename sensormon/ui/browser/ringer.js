// Calls the viewer: a sound and a notification of the browser, each only where somebody turned it on.
//
// The choice is kept in the browser. Each event of medium or high severity, each silence and each problem
// rings once, in one window of several; what was on the list when the page was opened for the first time in a
// while does not.
import { remember, remembered } from "./memory.js"

const SOUND = "sensormon-sound"
const NOTES = "sensormon-notifications"
const CALLED = "sensormon-called"
const RECENT = 600_000 // ms for which another window's or an earlier page's list counts
const MOST = 2000 // calls that are kept
const APART = 3000 // ms between two sounds
const TONES = [880, 660] // Hz, one after the other
const TONE = 0.22 // s

export class Ringer {
  constructor() {
    this.rang = 0
    this.called = null // what has rung, or needs not
    this.wake = () => this.audio?.state === "suspended" && this.audio.resume()
    document.addEventListener("pointerdown", this.wake)
    document.addEventListener("keydown", this.wake)
    if (this.sounds) this.open()
  }

  stop() {
    document.removeEventListener("pointerdown", this.wake)
    document.removeEventListener("keydown", this.wake)
    this.audio?.close()
  }

  get sounds() {
    return remembered(SOUND) === "on"
  }

  get notifies() {
    return remembered(NOTES) === "on" && window.Notification?.permission === "granted"
  }

  // Whether the browser waits for a click on the page before it lets it sound.
  get muted() {
    return this.sounds && this.audio?.state === "suspended"
  }

  // Why the browser cannot notify; empty if it can.
  get obstacle() {
    if (!window.isSecureContext) return "Browser notifications need HTTPS."
    if (!window.Notification) return "This browser has no notifications."
    if (Notification.permission === "denied") return "This browser blocks notifications of this site; its settings allow them."
    return ""
  }

  // Turns the sound on or off; on, it sounds at once. Call it in a click.
  setSound(on) {
    remember(SOUND, on ? "on" : "off")
    if (!on) return
    this.open()
    this.audio?.resume()
    this.sound()
  }

  // Turns notifications on or off; on, the browser asks the viewer. Call it in a click.
  async setNotes(on) {
    const granted = on && !this.obstacle && (await Notification.requestPermission()) === "granted"
    remember(NOTES, granted ? "on" : "off")
    return granted
  }

  // Takes the list of the feed; calls for what is new in it.
  take(list, opened) {
    const items = list.items.filter((item) => item.calls.length)
    const calls = items.flatMap((item) => item.calls)
    const known = this.known(calls)
    const fresh = items.filter((item) => item.calls.some((call) => !known.has(call)))
    this.keep(known, calls)
    if (!fresh.length) return
    if (this.sounds) this.sound()
    if (this.notifies) this.notify(fresh, opened)
  }

  // What has rung in any window of this browser; at first all that is on the list.
  known(calls) {
    const kept = parsed(remembered(CALLED))
    const recent = kept && Math.abs(Date.now() - kept.time) < RECENT
    if (!this.called) this.called = new Set(recent ? [] : calls)
    return new Set([...this.called, ...(recent ? kept.calls : [])])
  }

  // A silence or a problem that is over may ring again; an event rings once.
  keep(known, calls) {
    const now = new Set(calls)
    const kept = [...known].filter((call) => now.has(call) || /^\d+$/.test(call))
    this.called = new Set([...new Set([...kept, ...calls])].slice(-MOST))
    const text = JSON.stringify([...this.called])
    if (text === this.text && Date.now() - this.saved < RECENT / 10) return
    this.text = text
    this.saved = Date.now()
    remember(CALLED, JSON.stringify({ time: Date.now(), calls: [...this.called] }))
  }

  open() {
    if (window.AudioContext) this.audio ??= new AudioContext()
  }

  sound() {
    if (!this.audio || this.audio.state === "closed" || Date.now() - this.rang < APART) return
    this.rang = Date.now()
    for (const [place, hertz] of TONES.entries()) {
      const tone = this.audio.createOscillator()
      const volume = this.audio.createGain()
      const from = this.audio.currentTime + place * TONE
      tone.frequency.value = hertz
      volume.gain.setValueAtTime(0, from)
      volume.gain.linearRampToValueAtTime(0.25, from + 0.02)
      volume.gain.linearRampToValueAtTime(0, from + TONE)
      tone.connect(volume).connect(this.audio.destination)
      tone.start(from)
      tone.stop(from + TONE)
    }
  }

  notify(items, opened) {
    const [worst] = items
    const title = items.length > 1 ? `${items.length} new: ${worst.label} and others` : `${worst.label}: ${worst.severity}`
    const note = new Notification(title, { body: worst.what, tag: worst.calls.at(-1) }) // one for all windows
    note.onclick = () => {
      window.focus()
      opened()
      note.close()
    }
  }
}

function parsed(text) {
  try {
    const kept = JSON.parse(text)
    return Array.isArray(kept?.calls) ? kept : null
  } catch {
    return null
  }
}
