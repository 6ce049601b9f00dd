// Explains a term in a tip beside it: on hover, on focus, on a touch. Esc or leaving it hides the explanation.
import { element } from "./dom.js"

let tip
let word
let leaving
let listening = false

export function terms() {
  if (listening) return
  listening = true
  document.addEventListener("mouseover", ({ target }) => {
    const hovered = wordAt(target)
    if (hovered) show(hovered)
    else if (tip && target.closest?.(".term-tip")) clearTimeout(leaving)
    else if (word && document.activeElement !== word) leave()
  })
  document.addEventListener("focusin", ({ target }) => (wordAt(target) ? show(wordAt(target)) : hide()))
  document.addEventListener("click", ({ target }) => {
    if (wordAt(target)) show(wordAt(target))
    else if (!target.closest?.(".term-tip")) hide()
  })
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && word) {
      hide()
      event.stopPropagation()
    }
  }, true)
  document.addEventListener("scroll", () => word && place(), true)
  window.addEventListener("resize", hide)
}

const wordAt = (target) => target.closest?.("button.term")

function show(next) {
  clearTimeout(leaving)
  if (word === next) return
  hide()
  word = next
  tip = element("div", "term-tip")
  tip.setAttribute("role", "tooltip")
  tip.setAttribute("aria-hidden", "true") // the term itself has it as its description
  tip.textContent = word.getAttribute("aria-description")
  document.body.append(tip)
  place()
}

// Below the word, above it if there is no room, and within the window.
function place() {
  const at = word.getBoundingClientRect()
  if (!word.isConnected || at.bottom < 0 || at.top > window.innerHeight) return hide()
  const box = tip.getBoundingClientRect()
  const left = Math.min(Math.max(8, at.left), Math.max(8, window.innerWidth - box.width - 8))
  const below = at.bottom + 6 + box.height <= window.innerHeight || at.top < box.height + 6
  tip.style.left = `${left}px`
  tip.style.top = `${below ? at.bottom + 6 : at.top - box.height - 6}px`
}

// A short delay, so that the pointer can move from the term into the tip.
function leave() {
  clearTimeout(leaving)
  leaving = setTimeout(hide, 200)
}

function hide() {
  clearTimeout(leaving)
  tip?.remove()
  tip = undefined
  word = undefined
}
