// The menu of a card: what can be done about its tag, each act with the reason if the role does not allow it.
import { button, element } from "./dom.js"

let open = null // the menu that is open; there is one at most

export class CardMenu {
  // `go(act)` is called with the act that was chosen.
  constructor(go) {
    this.go = go
    this.button = button("tool", "⋯", () => this.toggle())
    this.button.setAttribute("aria-haspopup", "menu")
    this.list = element("div", "card-menu")
    this.list.setAttribute("role", "menu")
    this.list.hidden = true
    this.list.onkeydown = (event) => this.pressed(event)
    this.node = element("span", "card-menu-place")
    this.node.append(this.button, this.list)
    this.outside = (event) => this.node.contains(event.target) || this.close()
    this.button.setAttribute("aria-expanded", "false")
  }

  // `acts` are { act, text, href, why }: an act with a reason why not is disabled.
  describe(label, acts) {
    this.button.setAttribute("aria-label", `Menu of ${label}`)
    this.button.title = "Explore, tune, shelve or edit this tag"
    const text = JSON.stringify([label, acts])
    if (text === this.text) return
    this.text = text
    this.list.setAttribute("aria-label", label)
    this.list.replaceChildren(...acts.map((act) => this.item(act)))
  }

  item({ act, text, href, why }) {
    const node = element(href && !why ? "a" : "button", "card-menu-item")
    node.setAttribute("role", "menuitem")
    node.tabIndex = -1
    node.textContent = text
    if (why) {
      node.setAttribute("aria-disabled", "true")
      const reason = element("small", "")
      reason.textContent = why
      node.append(reason)
      return node
    }
    if (href) node.href = new URL(href, window.location.href).href
    node.onclick = (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return
      event.preventDefault()
      this.close()
      this.go(act)
    }
    return node
  }

  toggle() {
    if (!this.list.hidden) return this.close()
    open?.close()
    open = this
    this.list.hidden = false
    this.button.setAttribute("aria-expanded", "true")
    document.addEventListener("pointerdown", this.outside, true)
    this.list.firstElementChild?.focus()
  }

  close() {
    if (this.list.hidden) return
    const inside = this.list.contains(document.activeElement)
    open = null
    this.list.hidden = true
    this.button.setAttribute("aria-expanded", "false")
    document.removeEventListener("pointerdown", this.outside, true)
    if (inside) this.button.focus()
  }

  pressed(event) {
    const items = [...this.list.children]
    const at = items.indexOf(document.activeElement)
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key]
    if (event.key === "Escape" || event.key === "Tab") this.close()
    if (to === undefined && event.key !== "Escape") return
    event.preventDefault()
    event.stopPropagation()
    if (to !== undefined) items[to % items.length].focus()
  }
}
