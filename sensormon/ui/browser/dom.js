// Parts of a page.

export function element(kind, name) {
  const node = document.createElement(kind)
  if (name) node.className = name
  return node
}

export function button(name, text, action) {
  const node = element("button", name)
  node.type = "button"
  node.textContent = text
  node.onclick = action
  return node
}

// Sets a button's face, and its description for tooltips and screen readers.
export function labelled(node, text, words) {
  node.textContent = text
  node.title = words
  node.setAttribute("aria-label", words)
  return node
}

// Sets the text only if it differs, so that nothing blinks or is announced again.
export function set(node, text) {
  if (node.textContent !== text) node.textContent = text
}

// Gives the node and what is in it the colours of a theme, by name.
export function paint(node, colours) {
  for (const [name, colour] of Object.entries(colours)) node.style.setProperty(`--sm-${name}`, colour)
}

// Load `file` of this folder as a style sheet, once.
export function stylesheet(file) {
  if (document.querySelector(`link[data-sensormon="${file}"]`)) return
  const link = document.createElement("link")
  link.rel = "stylesheet"
  link.dataset.sensormon = file
  link.href = new URL(`./${file}`, import.meta.url).href
  document.head.append(link)
}
