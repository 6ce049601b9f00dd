// On a phone the controls of a page are one line that says what is set. See ui/narrow.py.
import { set } from "./dom.js"

const NARROW = window.matchMedia("(max-width: 640px)")
const EVERY = 1000 // ms
const LONGEST = 120
const CHOSEN = "[role=radio][aria-checked=true], input[role=combobox], input[placeholder^=Search], [data-tag], [data-testid=stPopoverButton] strong, " +
  "[data-testid=stCheckbox] label:has(input:checked), button[aria-pressed=true]"

let watching = false

export function controls() {
  describe()
  if (watching) return
  watching = true
  NARROW.addEventListener("change", describe)
  setInterval(describe, EVERY)
}

function describe() {
  if (!NARROW.matches) return
  for (const line of document.querySelectorAll("details.controls")) {
    const all = line.closest("[data-testid=stElementContainer]")?.nextElementSibling
    if (all) set(line.querySelector(".controls-set"), chosen(all))
  }
}

function chosen(all) {
  const words = [...all.querySelectorAll(CHOSEN)].map((part) => (part.matches("input") ? part.value : part.textContent).trim())
  const text = [...new Set(words.filter(Boolean))].join(" · ")
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}
