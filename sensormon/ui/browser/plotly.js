// Plotly, loaded once for all modules, and settings that all charts share. It is the bundle with lines and bars
// alone: the whole of it takes a browser eight times as long to start.

// No buttons by Plotly; each module handles double clicks.
export const CONFIG = { displayModeBar: false, doubleClick: false, responsive: true, showTips: false }

let loading

export function plotly() {
  loading ??= begun().then(loaded)
  return loading
}

// The server has pages with charts load it at once (sensormon/api/early.py): the end of that, one way or the other.
function begun() {
  if (window.Plotly || document.readyState === "complete") return Promise.resolve()
  return new Promise((resolve) => {
    document.addEventListener("DOMContentLoaded", resolve, { once: true })
    window.addEventListener("load", resolve, { once: true })
  })
}

function loaded() {
  return new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly)
    const script = document.createElement("script")
    script.src = new URL("./plotly-basic.min.js", import.meta.url).href
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => {
      loading = undefined
      reject(new Error("Plotly could not be loaded"))
    }
    document.head.append(script)
  })
}

// Dragging with a finger scrolls the page; a chart is zoomed with buttons there.
export function coarsePointer() {
  return window.matchMedia("(pointer: coarse)").matches
}

// The range of an axis ("xaxis") that a `plotly_relayout` event reports, as Plotly writes it; null without one.
export function changedRange(change, axis) {
  const [low, high] = change[`${axis}.range`] ?? [change[`${axis}.range[0]`], change[`${axis}.range[1]`]]
  return low === undefined || high === undefined ? null : [low, high]
}

// A time of a date axis in ms UTC: Plotly reports it as a number, or as text in the browser's zone.
export function milliseconds(time) {
  if (typeof time === "number") return time
  const text = String(time).replace(" ", "T").slice(0, 23)
  return new Date(text.includes("T") ? text : `${text}T00:00`).getTime()
}

// The same time as Plotly counts it on a date axis: the browser's clock read as if it were UTC.
export function axisTime(time) {
  return time - new Date(time).getTimezoneOffset() * 60_000
}
