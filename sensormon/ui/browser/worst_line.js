// The tags that are abnormal now, worst first, in one line above the cards. It leads to their cards, which
// themselves keep their places. The line is as high without any.
import { button, element, set } from "./dom.js"

const NAMED = 3 // tags; of the others the line says how many

export class WorstLine {
  // `show(name)` is called when somebody chooses a tag.
  constructor(show) {
    this.show = show
    this.node = element("div", "worst-line")
    this.words = element("span", "quiet")
    this.names = element("span", "worst-names")
    this.node.append(this.words, this.names)
  }

  // `tags` have a name and a label. `state(name)` is a number, the lower the worse, undefined while nothing is
  // known; `states` their words. Those up to `calling` are abnormal.
  draw(tags, state, { states, calling }) {
    const known = tags.filter(({ name }) => state(name) !== undefined)
    const wrong = known.filter(({ name }) => state(name) <= calling).sort((a, b) => state(a.name) - state(b.name))
    const named = wrong.slice(0, NAMED).map(({ name, label }) => ({ name, text: `${label}: ${states[state(name)]}` }))
    set(this.words, wrong.length ? `${wrong.length} of ${tags.length} abnormal` : known.length ? "None abnormal" : "")
    const shown = JSON.stringify([named, wrong.length])
    if (this.shown === shown) return
    this.shown = shown
    const at = this.names.contains(document.activeElement) ? document.activeElement.dataset.tag : undefined
    const links = named.map(({ name, text }) => {
      const link = button("worst-name", text, () => this.show(name))
      link.dataset.tag = name
      return link
    })
    const more = element("span", "quiet", "")
    if (wrong.length > NAMED) more.textContent = `and ${wrong.length - NAMED} more`
    this.names.replaceChildren(...links, more)
    if (at) (links.find(({ dataset }) => dataset.tag === at) ?? links[0])?.focus({ preventScroll: true })
  }
}
