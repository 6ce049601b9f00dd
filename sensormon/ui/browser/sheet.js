// On a phone a tapped row of the events opens its detail as a sheet over the list, instead of far below it: a
// dialog, and one step of the browser's history, which Back and its button take back.
import { button } from "./dom.js"

const NARROW = window.matchMedia("(max-width: 640px)")
const ROWS = ".st-key-event-rows"
const DETAIL = ".st-key-panel-context"
const TICKS = 32 // px: the column of ticks, which open nothing
const HEADS = 36 // px: the row of headings, which sort
const DIALOG = { role: "dialog", "aria-modal": "true", "aria-label": "Event" }

let close
let selected // the selection in the address when the sheet was opened; going back would undo a change of it
const inert = new Set() // what this script has made inert

const detail = () => document.querySelector(DETAIL)
const isOpen = () => document.documentElement.classList.contains("sheet-open")
const selection = () => new URLSearchParams(window.location.search).get("event")
const watched = new MutationObserver(dress)

export function sheet() {
  if (close) return
  close = button("plain sheet-close", "Close", leave)
  document.addEventListener("click", tapped)
  document.addEventListener("keydown", ({ key, target, defaultPrevented }) => {
    const answered = defaultPrevented || target.closest?.("[aria-expanded=true]") // a list in the sheet closes
    if (key === "Escape" && isOpen() && !answered) leave()
  })
  window.addEventListener("popstate", ({ state }) => {
    if (!state?.sheet) shut()
    else if (NARROW.matches && detail()) open()
  })
  NARROW.addEventListener("change", shut)
  const push = window.history.pushState.bind(window.history)
  // The address of the tapped event, and of others stepped to in the sheet, is that of the sheet's own step.
  window.history.pushState = (state, unused, url) => {
    const here = new URL(url ?? "", window.location.href).pathname === window.location.pathname
    if (isOpen() && here && window.history.state?.sheet) window.history.replaceState({ ...state, sheet: true }, "", url)
    else push(state, unused, url)
  }
}

function tapped({ target, clientX, clientY }) {
  const rows = NARROW.matches && target.closest?.(ROWS)
  const grid = rows && detail() && rows.querySelector("canvas")
  if (!grid) return
  const { left, top } = grid.getBoundingClientRect()
  if (clientX - left < TICKS || clientY - top < HEADS) return
  if (!window.history.state?.sheet) window.history.pushState({ sheet: true }, "", window.location.href)
  open()
}

function open() {
  if (isOpen()) return
  selected = selection()
  document.documentElement.classList.add("sheet-open")
  dress()
  watched.observe(document.body, { childList: true, subtree: true })
  close.focus({ preventScroll: true })
}

// By its own button or Escape: as by Back, unless that would undo a selection.
function leave() {
  shut()
  if (window.history.state?.sheet && selection() === selected) window.history.back()
}

function shut() {
  if (!isOpen()) return
  watched.disconnect()
  document.documentElement.classList.remove("sheet-open")
  close.remove()
  for (const name of Object.keys(DIALOG)) detail()?.removeAttribute(name)
  for (const node of inert) node.inert = false
  inert.clear()
  document.querySelector(`${ROWS} canvas`)?.focus({ preventScroll: true })
}

// Makes the detail a dialog and everything else of the app inert, also what Streamlit has drawn since.
function dress() {
  const dialog = detail()
  if (!dialog) return shut()
  for (const [name, value] of Object.entries(DIALOG)) {
    if (dialog.getAttribute(name) !== value) dialog.setAttribute(name, value)
  }
  if (dialog.firstElementChild !== close) {
    const focused = document.activeElement === close || document.activeElement === document.body
    dialog.prepend(close)
    if (focused) close.focus({ preventScroll: true })
  }
  const app = document.querySelector("#root") // menus and messages lie beside it
  for (let node = dialog; node !== app && node.parentElement; node = node.parentElement) {
    for (const other of node.parentElement.children) {
      if (other === node || other.inert) continue
      other.inert = true
      inert.add(other)
    }
  }
}
