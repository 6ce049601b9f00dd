// Goes to another page of the app by one step of the browser's history. See ui/going.py.
const gone = new WeakSet() // elements that have done so; a refresh mounts them again

export function mount({ data, parentElement }) {
  if (gone.has(parentElement)) return
  gone.add(parentElement)
  // Streamlit takes the address from there, as after Back.
  window.history.pushState({}, "", new URL(data.to, window.location.href).href)
  window.dispatchEvent(new PopStateEvent("popstate", { state: {} }))
}

export function unmount() {}
