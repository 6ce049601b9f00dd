// The choice of theme in the top bar. It presses Streamlit's own menu, which is out of sight, and keeps the choice
// for every page of this browser: Streamlit keeps it only for the page that was loaded.
import { remember, remembered } from "./memory.js"

const VERSION = 2 // of Streamlit's entry
const START = window.location.pathname // Streamlit names its entry after the page that was loaded
const ITEMS = "[role=menuitemradio]"
const entry = (path) => `stActiveTheme-${path}-v${VERSION}`
const TRIES = 60 // frames
const EVERY = 500 // ms: the buttons may be drawn after this script has begun, and be drawn anew

let pages = []
let listening = false

export function theme(known) {
  pages = known
  show(kept())
  if (listening) return
  listening = true
  setInterval(() => show(kept()), EVERY)
  document.addEventListener("click", ({ target }) => {
    const item = target.closest?.(ITEMS)
    const button = target.closest?.(".theme button")
    if (item) setTimeout(() => keep(kept())) // from Streamlit's menu, which has stored it by then
    if (button) choose(button)
  })
}

function kept() {
  try {
    return JSON.parse(remembered(entry(START)) ?? '"System"')
  } catch {
    return "System"
  }
}

function choose(button) {
  const name = button.dataset.theme
  const menu = document.querySelector("[data-testid=stMainMenuButton], [data-testid=stMainMenu] button")
  if (!menu) return
  document.documentElement.classList.add("theme-changing")
  menu.click()
  let tries = TRIES
  const look = () => {
    const item = [...document.querySelectorAll(ITEMS)].find(({ textContent }) => textContent.endsWith(name))
    if (!item && tries-- > 0) return requestAnimationFrame(look)
    item?.click()
    keep(name)
    menu.click()
    document.documentElement.classList.remove("theme-changing")
    button.focus({ preventScroll: true })
  }
  look()
}

function keep(name) {
  const base = START.slice(0, START.lastIndexOf("/") + 1)
  for (const path of new Set([START, base, ...pages.map(({ path }) => base + path)])) remember(entry(path), JSON.stringify(name))
  show(name)
}

function show(name) {
  for (const button of document.querySelectorAll(".theme button")) {
    const pressed = String(button.dataset.theme === name)
    if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed)
  }
}
