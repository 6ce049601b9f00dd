// A button that copies the address as it is, with what the page wants pinned in it.
export function mount({ data, parentElement }) {
  let button = parentElement.querySelector("button")
  let said = parentElement.querySelector("[role=status]")
  if (!button) {
    button = document.createElement("button")
    button.type = "button"
    button.className = "copy-link"
    said = document.createElement("span")
    said.setAttribute("role", "status")
    said.className = "quiet"
    parentElement.append(button, said)
  }
  button.textContent = data.label
  button.title = data.help
  button.onclick = async () => {
    const link = address(data)
    said.textContent = (await copied(link)) ? " copied" : ""
    if (said.textContent) setTimeout(() => (said.textContent = ""), 2000)
    else window.prompt("Copy this address", link)
  }
}

export function unmount() {}

function address(data) {
  const url = new URL(window.location.href)
  for (const [name, value] of Object.entries(data.pinned)) {
    if (value === null) url.searchParams.delete(name)
    else url.searchParams.set(name, value)
  }
  url.hash = ""
  return url.href
}

// Clipboards need https or localhost; elsewhere the old way still works.
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
    const done = document.execCommand("copy")
    area.remove()
    return done
  }
}
