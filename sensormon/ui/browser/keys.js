// Single-key shortcuts, while no field has the focus and without Ctrl, Alt or Meta. Streamlit has r and c.
import { remember, remembered } from "./memory.js"

const NAME = "sensormon-keys"
const WITHIN = 1500 // ms from g to the letter
const FIELDS = "input:not([type=checkbox],[type=radio],[type=range],[type=file]), textarea, select, canvas, " +
  "[contenteditable=''], [contenteditable=true], [role=combobox], [role=textbox], [role=listbox], [role=menu], [role=grid]"
let pages = []
let started = 0 // when g was pressed
let listening = false

export function keys(known) {
  pages = known
  document.documentElement.classList.toggle("keys-off", remembered(NAME) === "off")
  if (listening) return
  listening = true
  document.addEventListener("keydown", pressed)
  document.addEventListener("click", (event) => {
    const byKey = event.detail === 0
    if (byKey && event.isTrusted && event.target.closest?.("[data-testid=stPopoverButton]")) opened()
    if (!event.target.closest?.(".keys-switch")) return
    const off = document.documentElement.classList.toggle("keys-off")
    remember(NAME, off ? "off" : "on")
  })
}

function pressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || event.isComposing) return
  if (document.documentElement.classList.contains("keys-off")) return
  if (event.target.closest?.(FIELDS) || document.querySelector("[role=dialog][aria-modal=true], [data-testid=stDialog]")) return
  if (does(event.key)) event.preventDefault()
}

function does(key) {
  const follows = Date.now() - started < WITHIN
  started = 0
  if (follows) {
    const page = pages.find(({ letter }) => letter === key)
    if (page) return go(page)
  }
  if (key === "g") {
    started = Date.now()
    return true
  }
  if (key >= "1" && key <= "9") return go(numbered(Number(key) - 1))
  if (key === "/") return focus(fields()[0])
  if (key === "p") return click(".st-key-paused input, .st-key-paused button")
  if (key === "y") return click("button.copy-link")
  if (key === "?") return help()
  return false
}

const inMenu = () =>
  [...document.querySelectorAll("[data-testid=stTopNavLink], [data-testid=stSidebarNavLink]")].filter(
    (link) => !link.closest("[inert]"),
  )

function numbered(place) {
  const link = inMenu()[place]
  return link ? { title: link.textContent.trim() } : pages[place]
}

// The menu's own link keeps the session; if the menu is folded away, the page is loaded again.
function go(page) {
  if (!page) return false
  const link = inMenu().find(({ textContent }) => textContent.trim() === page.title)
  if (link) link.click()
  else window.location.assign(new URL(page.path || ".", window.location.href))
  return true
}

const visible = (field) => field.getClientRects().length > 0 && !field.disabled

function fields() {
  const all = [...document.querySelectorAll("#stMain input, #stMain [role=radio], #stMain textarea")].filter(visible)
  const searches = all.filter((field) => field.matches(".st-key-find *, .st-key-tag *, .st-key-tune *, [type=search]"))
  return searches.length ? searches : all
}

function focus(field) {
  field?.focus()
  field?.select?.()
  return Boolean(field)
}

function click(selector) {
  const button = [...document.querySelectorAll(selector)].find(({ disabled }) => !disabled)
  button?.click()
  return Boolean(button)
}

function help() {
  const button = document.querySelector(".st-key-help button")
  if (!button) return false
  button.focus()
  if (button.getAttribute("aria-expanded") !== "true") button.click()
  opened((body) => body.querySelector(".keys")?.scrollIntoView({ block: "center" }))
  return true
}

// The content of a popover appears a moment after the click, at the end of the document: without this
// keyboard users would have to tab through the whole page to reach it.
function opened(then) {
  let tries = 60
  const look = () => {
    const body = document.querySelector("[data-testid=stPopoverBody]")
    if (body) {
      body.tabIndex = -1
      body.focus({ preventScroll: true })
      then?.(body)
    } else if (tries-- > 0) requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
}
