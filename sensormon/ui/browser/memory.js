// The browser's storage for the viewer, which may be unavailable (private windows, blocked storage).
export function remembered(name) {
  try {
    return window.localStorage.getItem(name)
  } catch {
    return null
  }
}

export function remember(name, value) {
  try {
    window.localStorage.setItem(name, value)
  } catch {
    return
  }
}
