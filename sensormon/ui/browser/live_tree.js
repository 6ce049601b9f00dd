// Plant, unit, equipment and tag as a tree, from the tags' groups: what each is now, groups with their worst.
//
// Choosing a node narrows the strip and the cards; what is chosen is in the address. Keys: arrows, Home, End,
// Enter. On a narrow screen the tree is behind a line that says what is chosen.
import { button, element, set } from "./dom.js"
import { markSeverity } from "./severity.js"

export class LiveTree {
  // `choose({ groups, only })` is called with the groups or the tag that the viewer chose; neither: all tags.
  constructor(root, choose) {
    this.choose = choose
    this.root = root
    this.expanded = new Set()
    this.rows = new Map() // by key: the element of a node in view
    this.toggle = button("tool tree-toggle", "", () => this.open(root.classList.contains("shut")))
    this.list = element("div", "tree")
    this.list.setAttribute("role", "tree")
    this.list.setAttribute("aria-label", "Tags by plant, unit and equipment")
    this.list.onclick = (event) => this.clicked(event)
    this.list.onkeydown = (event) => this.pressed(event)
    root.classList.add("shut")
    root.append(this.toggle, this.list)
    this.open(false)
  }

  stop() {
    this.root.replaceChildren()
  }

  // `plant` are all tags as [name, label, group], `states` what the numbers of the feed mean.
  update({ plant, states, severities, calling }, node) {
    this.states = states
    this.calling = calling
    this.severities = severities
    if (this.plant !== plant) {
      this.plant = plant
      const text = JSON.stringify(plant)
      if (text !== this.text) this.build(text)
    }
    this.mark(node)
  }

  build(text) {
    const first = !this.text
    this.text = text
    this.top = node("", "All tags", null)
    this.nodes = new Map([["", this.top]])
    for (const [name, label, group] of this.plant) {
      let parent = this.top
      let path = ""
      for (const part of group ? group.split("/").map((part) => part.trim()) : []) {
        path = path ? `${path}/${part}` : part
        const key = `/${path}`
        if (!this.nodes.has(key)) {
          const group = node(key, part, parent)
          group.path = path
          parent.children.push(group)
          this.nodes.set(key, group)
        }
        parent = this.nodes.get(key)
      }
      const tag = node(`:${name}`, label, parent)
      tag.tag = name
      parent.children.push(tag)
      this.nodes.set(tag.key, tag)
    }
    count(this.top)
    if (first) for (const child of this.top.children) if (this.top.children.length === 1) this.expanded.add(child.key)
    this.rows.clear()
    this.list.replaceChildren()
    this.draw()
  }

  // Marks the chosen node, and shows it.
  mark({ groups, only }) {
    const keys = only ? [`:${only}`] : groups.map((path) => `/${path}`)
    const before = this.chosen
    this.chosen = new Set(keys.length ? keys : [""])
    for (const key of this.chosen) {
      if (before?.has(key)) continue // the viewer may have folded it since
      for (let node = this.nodes.get(key); node; node = node.parent) this.expanded.add(node.key)
    }
    this.draw()
  }

  open(shown) {
    this.root.classList.toggle("shut", !shown)
    this.toggle.setAttribute("aria-expanded", String(shown))
  }

  // The nodes in view, from top to bottom.
  inView() {
    const seen = []
    const visit = (node) => {
      seen.push(node)
      if (node === this.top || this.expanded.has(node.key)) for (const child of node.children) visit(child)
    }
    visit(this.top)
    return seen
  }

  draw() {
    const seen = this.inView()
    this.seen = seen
    const keys = new Set(seen.map(({ key }) => key))
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue
      row.remove()
      this.rows.delete(key)
    }
    if (!keys.has(this.at)) this.at = [...this.chosen ?? [""]].find((key) => keys.has(key)) ?? ""
    let next = this.list.firstElementChild
    for (const node of seen) {
      let row = this.rows.get(node.key)
      if (!row) this.rows.set(node.key, (row = this.make(node)))
      const chosen = Boolean(this.chosen?.has(node.key))
      if (node.children.length && node.parent) row.setAttribute("aria-expanded", String(this.expanded.has(node.key)))
      row.setAttribute("aria-selected", String(chosen))
      row.tabIndex = node.key === this.at ? 0 : -1
      if (row === next) next = next.nextElementSibling
      else this.list.insertBefore(row, next)
    }
    const names = [...(this.chosen ?? [""])].map((key) => this.nodes.get(key)?.label ?? key.slice(1))
    this.named = names.join(", ")
    this.say()
  }

  make(node) {
    const row = element("div", "tree-row")
    row.setAttribute("role", "treeitem")
    row.setAttribute("aria-level", node.level)
    row.dataset.key = node.key
    row.style.setProperty("--level", Math.max(0, node.level - 2))
    const twist = element("span", "twist")
    twist.setAttribute("aria-hidden", "true")
    if (!node.children.length || !node.parent) twist.classList.add("none")
    const label = element("span", "tree-label")
    label.textContent = node.label
    label.title = node.tag ? `${node.label}, ${node.tag}` : node.path || node.label
    row.append(twist, label, element("span", "tree-value"), element("span", "tree-state"))
    this.fill(node, row)
    return row
  }

  // Takes what the tags are now: `tags` has by name { state, value }.
  take(tags) {
    this.tags = tags
    roll(this.top, tags, this.calling)
    for (const node of this.seen) this.fill(node, this.rows.get(node.key))
    this.say()
  }

  fill(node, row) {
    if (!this.tags) return
    const [, , value, state] = row.children
    const { worst = Infinity, wrong = 0 } = node
    const word = this.states[worst] ?? ""
    set(value, node.tag ? (this.tags.get(node.tag)?.value ?? "") : wrong ? `${wrong} of ${node.size}` : `${node.size}`)
    set(state, word)
    markSeverity(state, worst, this)
    if (!node.tag) value.title = `${wrong} of ${node.size} tags abnormal`
  }

  // The line that stands for the tree on a narrow screen.
  say() {
    const wrong = [...(this.chosen ?? [])].reduce((sum, key) => sum + (this.nodes.get(key)?.wrong ?? 0), 0)
    set(this.toggle, wrong ? `${this.named} · ${wrong} abnormal` : this.named)
  }

  // -- what the viewer does ----------------------------------------------------------------

  clicked(event) {
    const row = event.target.closest(".tree-row")
    if (!row) return
    const node = this.nodes.get(row.dataset.key)
    this.focus(node)
    if (event.target.classList.contains("twist") && node.parent && node.children.length) this.fold(node)
    else this.pick(node)
  }

  pick(node) {
    this.choose(node.tag ? { groups: [], only: node.tag } : { groups: node.path ? [node.path] : [], only: "" })
    if (node.tag || !node.children.length) this.open(false)
  }

  fold(node, open = !this.expanded.has(node.key)) {
    if (open) this.expanded.add(node.key)
    else this.expanded.delete(node.key)
    this.draw()
  }

  focus(node) {
    const before = this.rows.get(this.at)
    if (before) before.tabIndex = -1
    this.at = node.key
    const row = this.rows.get(node.key)
    row.tabIndex = 0
    row.focus()
  }

  pressed(event) {
    const place = this.seen.findIndex(({ key }) => key === this.at)
    const node = this.seen[place]
    const isOpen = this.expanded.has(node.key)
    const folds = node.children.length > 0 && Boolean(node.parent)
    const step = (to) => this.focus(this.seen[Math.min(Math.max(to, 0), this.seen.length - 1)])
    const acts = {
      ArrowDown: () => step(place + 1),
      ArrowUp: () => step(place - 1),
      Home: () => step(0),
      End: () => step(this.seen.length - 1),
      ArrowRight: () => (folds && !isOpen ? this.fold(node, true) : node.children.length && step(place + 1)),
      ArrowLeft: () => (folds && isOpen ? this.fold(node, false) : node.parent && this.focus(node.parent)),
      Enter: () => this.pick(node),
      " ": () => this.pick(node),
    }
    if (!acts[event.key] || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    event.stopPropagation()
    acts[event.key]()
  }
}

function node(key, label, parent) {
  return { key, label, parent, level: parent ? parent.level + 1 : 1, children: [] }
}

function count(node) {
  node.size = node.tag ? 1 : node.children.reduce((sum, child) => sum + count(child), 0)
  return node.size
}

// The worst state of a node's tags, and how many of them are abnormal.
function roll(node, tags, calling) {
  if (node.tag) {
    node.worst = tags.get(node.tag)?.state ?? Infinity
    node.wrong = node.worst <= calling ? 1 : 0
    return
  }
  node.worst = Infinity
  node.wrong = 0
  for (const child of node.children) {
    roll(child, tags, calling)
    node.worst = Math.min(node.worst, child.worst)
    node.wrong += child.wrong
  }
}
