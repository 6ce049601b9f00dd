// A button that copies the page's address, with the parameters that the page pins.
import { button, element } from "./dom.js"

export function mount({ data, parentElement }) {
  let copy = parentElement.querySelector("button")
  let status = parentElement.querySelector("[role=status]")
  if (!copy) {
    copy = button("copy-link", "", null)
    status = element("span", "quiet")
    status.setAttribute("role", "status")
    parentElement.append(copy, status)
  }
  copy.textContent = data.label
  copy.title = data.help
  copy.onclick = async () => {
    const link = address(data)
    status.textContent = (await copied(link)) ? " copied" : ""
    if (status.textContent) setTimeout(() => (status.textContent = ""), 2000)
    else window.prompt("Copy this address", link)
  }
}

export function unmount() {}

function address(data) {
  const url = new URL(window.location.href)
  for (const [name, value] of Object.entries(data.pinned)) {
    url.searchParams.delete(name)
    for (const each of value === null ? [] : [value].flat()) url.searchParams.append(name, each)
  }
  url.hash = ""
  return url.href
}

// The clipboard needs https or localhost; elsewhere the old method still works.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = document.createElement("textarea")
    area.value = text
    area.style.position = "fixed"
    area.style.opacity = "0"
    document.body.append(area)
    area.select()
    const worked = document.execCommand("copy")
    area.remove()
    return worked
  }
}
