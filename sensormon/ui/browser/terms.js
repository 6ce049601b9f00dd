// What a word means, beside it: on hover, on focus, on a touch. Esc and leaving it close it.
let tip
let word
let leaving
let listening = false

export function terms() {
  if (listening) return
  listening = true
  document.addEventListener("mouseover", ({ target }) => {
    const found = wordAt(target)
    if (found) show(found)
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

function show(found) {
  clearTimeout(leaving)
  if (word === found) return
  hide()
  word = found
  tip = document.createElement("div")
  tip.className = "term-tip"
  tip.setAttribute("role", "tooltip")
  tip.setAttribute("aria-hidden", "true") // the word itself carries it as its description
  tip.textContent = word.getAttribute("aria-description")
  document.body.append(tip)
  place()
}

// Below the word, above it where there is no room, and within the window.
function place() {
  const at = word.getBoundingClientRect()
  if (!word.isConnected || at.bottom < 0 || at.top > window.innerHeight) return hide()
  const own = tip.getBoundingClientRect()
  const left = Math.min(Math.max(8, at.left), Math.max(8, window.innerWidth - own.width - 8))
  const below = at.bottom + 6 + own.height <= window.innerHeight || at.top < own.height + 6
  tip.style.left = `${left}px`
  tip.style.top = `${below ? at.bottom + 6 : at.top - own.height - 6}px`
}

// A moment's grace, so that the pointer can go from the word into the tip.
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
