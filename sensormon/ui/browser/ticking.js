// Asks for a part of the page to be drawn again at an interval, as long as somebody can see it.
const timers = new WeakMap()

export function mount({ data, parentElement, setTriggerValue }) {
  unmount(parentElement)
  const tick = () => document.hidden || setTriggerValue("tick", Date.now())
  timers.set(parentElement, setInterval(tick, data.every))
}

export function unmount(parentElement) {
  clearInterval(timers.get(parentElement))
}
