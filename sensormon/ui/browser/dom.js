// Parts of a page.

export function element(kind, name) {
  const made = document.createElement(kind)
  if (name) made.className = name
  return made
}

// Text is set where it changes only, so that nothing blinks and nothing is read aloud again.
export function set(node, text) {
  if (node.textContent !== text) node.textContent = text
}

// Load `file` of this folder as a style sheet, once.
export function stylesheet(file, version) {
  if (document.querySelector(`link[data-sensormon="${file}"]`)) return
  const link = document.createElement("link")
  link.rel = "stylesheet"
  link.dataset.sensormon = file
  link.href = new URL(`./${file}?v=${version}`, import.meta.url).href
  document.head.append(link)
}
