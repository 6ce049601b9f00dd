// A chart of a long history: drawn by Plotly, zoomed and moved at once, then read again for the new view.
//
// `data`: figure (Plotly's JSON), span and whole ([ms, ms] UTC), seen (the span that Python answered),
// head (a line above), title and file (of a picture), words (of the buttons), panel (the colour behind a picture).
// Reports `span` to Python once the view has come to rest, and `picked`, the time of a click.
import { lines, moved as nearerMoved, placed, readout } from "./cursors.js"
import { button, element, labelled, stylesheet } from "./dom.js"
import { changedRange, coarsePointer, CONFIG, milliseconds, plotly } from "./plotly.js"
import { moved, scaled } from "./time_span.js"

const SHOWN = new WeakMap() // an element -> the state of its chart
const REST = 250 // ms without a movement before the view is reported
const PHONE = 280 // px: the most that a single chart is high where there is little room
const LEAST = 20 // the shortest span (ms) to zoom into

export async function mount(component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component
  let chart = SHOWN.get(parentElement)
  if (!chart) {
    stylesheet("zoom_chart.css")
    chart = { sent: null, timer: 0, drags: 0, drawing: Promise.resolve() }
    SHOWN.set(parentElement, chart)
    build(chart, parentElement)
  }
  Object.assign(chart, { data, setStateValue, setTriggerValue })
  label(chart)
  let library
  try {
    library = await plotly()
  } catch {
    setStateValue("unavailable", true)
    return
  }
  chart.Plotly = library
  chart.drawing = chart.drawing.then(() => draw(chart))
  await chart.drawing
}

export function unmount(parentElement) {
  const chart = SHOWN.get(parentElement)
  if (!chart) return
  SHOWN.delete(parentElement)
  clearTimeout(chart.timer)
  if (chart.Plotly) chart.Plotly.purge(chart.plot)
  chart.frame.remove()
}

function build(chart, parentElement) {
  chart.frame = element("div", "zoom-chart")
  chart.frame.tabIndex = 0
  chart.frame.setAttribute("role", "group")
  chart.bar = element("div", "zoom-bar")
  chart.head = element("span", "first-line")
  const buttons = element("span", "zoom-buttons")
  chart.bar.append(chart.head, buttons)
  chart.plot = element("div")
  chart.readout = element("div", "cursor-readout")
  chart.readout.setAttribute("role", "status")
  chart.buttons = {}
  const actions = {
    back: () => shift(chart, -0.25),
    forth: () => shift(chart, 0.25),
    closer: () => zoom(chart, 0.5),
    wider: () => zoom(chart, 2),
    whole: () => show(chart, chart.data.whole),
    pan: () => panning(chart, !chart.pans),
    cursors: () => measuring(chart, !chart.cursors),
    png: () => picture(chart, "png"),
    svg: () => picture(chart, "svg"),
  }
  for (const [name, action] of Object.entries(actions)) {
    chart.buttons[name] = button("", "", action)
    chart.buttons[name].dataset.act = name
    buttons.append(chart.buttons[name])
  }
  chart.frame.append(chart.bar, chart.plot, chart.readout)
  chart.plot.addEventListener("pointerdown", (event) => pressed(chart, event), true)
  parentElement.append(chart.frame)
  chart.frame.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const key = { ArrowLeft: "back", ArrowRight: "forth", "+": "closer", "=": "closer", "-": "wider", Home: "whole" }
    const name = key[event.key]
    if (!name) return
    if (event.shiftKey && chart.cursors && (name === "back" || name === "forth")) {
      event.preventDefault()
      event.stopPropagation()
      const step = (chart.span[1] - chart.span[0]) / 100
      measure(chart, [chart.cursors[0], chart.cursors[1] + (name === "back" ? -step : step)])
      return
    }
    event.preventDefault()
    event.stopPropagation()
    actions[name]()
  })
  // The wheel alone scrolls the page; with Ctrl it zooms where the pointer is.
  chart.plot.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return
      event.preventDefault()
      event.stopPropagation()
      const area = chart.plot.querySelector(".nsewdrag")?.getBoundingClientRect()
      const at = area ? Math.min(1, Math.max(0, (event.clientX - area.left) / area.width)) : 0.5
      zoom(chart, event.deltaY > 0 ? 1.25 : 0.8, at)
    },
    { passive: false, capture: true },
  )
}

function label(chart) {
  const { words, alt, head } = chart.data
  chart.frame.setAttribute("aria-label", alt)
  chart.head.textContent = head
  for (const [name, [text, description]] of Object.entries(words)) labelled(chart.buttons[name], text, description)
}

async function draw(chart) {
  if (!SHOWN.has(chart.frame.parentElement)) return
  const { data, plot, Plotly } = chart
  const figure = JSON.parse(data.figure)
  // An answer for a view that the viewer has left must not restore that view.
  const late = chart.timer || chart.dragging || (chart.sent && String(chart.sent) !== String(data.seen))
  const span = late && chart.span ? chart.span : data.span
  chart.span = span
  figure.layout.xaxis.range = span
  figure.layout.dragmode = coarsePointer() ? false : chart.pans ? "pan" : "zoom"
  narrow(figure, plot)
  chart.shapes = figure.layout.shapes ?? []
  figure.layout.shapes = [...chart.shapes, ...cursorLines(chart)]
  const first = !plot.data
  await Plotly.react(plot, figure.data, figure.layout, CONFIG)
  if (chart.cursors) readout(chart.readout, chart.cursors, measured(plot))
  if (!first) return
  plot.on("plotly_relayout", (change) => relaid(chart, change))
  plot.on("plotly_relayouting", () => (chart.dragging = true))
  plot.on("plotly_doubleclick", () => show(chart, chart.data.whole))
  plot.on("plotly_click", ({ points }) => {
    const at = points?.length ? milliseconds(points[0].x) : NaN
    if (Number.isFinite(at) && !chart.cursors) chart.setTriggerValue("picked", at)
  })
}

// A phone has room for fewer times, and for less height of a single chart.
function narrow(figure, plot) {
  if (plot.clientWidth >= 560) return
  figure.layout.xaxis.nticks = 4
  const axes = Object.entries(figure.layout).filter(([name]) => /^yaxis/.test(name))
  const charts = axes.filter(([, axis]) => axis.title && !axis.overlaying).length
  if (charts <= 1) figure.layout.height = Math.min(figure.layout.height, PHONE)
}

function relaid(chart, change) {
  chart.dragging = false
  const range = changedRange(change, "xaxis")
  if (range && !chart.quiet) rest(chart, range.map(milliseconds))
}

// Reports the span once the view has come to rest.
function rest(chart, span) {
  chart.span = span
  clearTimeout(chart.timer)
  chart.timer = setTimeout(() => {
    chart.timer = 0
    chart.sent = span.map(Math.round)
    chart.setStateValue("span", chart.sent)
  }, REST)
}

function show(chart, span) {
  if (!span || !chart.Plotly) return
  rest(chart, span)
  chart.quiet = true
  chart.Plotly.relayout(chart.plot, { "xaxis.range": span }).finally(() => (chart.quiet = false))
}

function shift(chart, share) {
  if (chart.span) show(chart, moved(chart.span, share))
}

function zoom(chart, factor, at = 0.5) {
  if (chart.span) show(chart, scaled(chart.span, factor, LEAST, at))
}

function panning(chart, on) {
  chart.pans = on
  chart.buttons.pan.setAttribute("aria-pressed", String(on))
  if (chart.Plotly) chart.Plotly.relayout(chart.plot, { dragmode: on ? "pan" : "zoom" })
}

// -- two cursors ---------------------------------------------------------------------------

function measuring(chart, on) {
  chart.buttons.cursors.setAttribute("aria-pressed", String(on))
  measure(chart, on ? placed(chart.span) : null)
}

function measure(chart, cursors) {
  if (!chart.Plotly) return
  chart.cursors = cursors
  if (cursors) readout(chart.readout, cursors, measured(chart.plot))
  else chart.readout.replaceChildren()
  chart.Plotly.relayout(chart.plot, { shapes: [...chart.shapes, ...cursorLines(chart)] })
}

function cursorLines(chart) {
  if (!chart.cursors) return []
  return lines(chart.cursors, getComputedStyle(chart.frame).getPropertyValue("--sm-interaction").trim())
}

// The lines as Plotly has decoded them: in `plot.data` their arrays are still text.
function measured(plot) {
  return plot._fullData.filter((trace) => trace.meta?.label)
}

// A press without a drag moves the nearer cursor there; Plotly reports clicks only near a reading.
function pressed(chart, { clientX, clientY }) {
  const area = chart.plot.querySelector(".nsewdrag")?.getBoundingClientRect()
  if (!chart.cursors || !area || clientX < area.left || clientX > area.right) return
  const released = (event) => {
    if (Math.hypot(event.clientX - clientX, event.clientY - clientY) > 4 || !chart.cursors) return
    const [start, end] = chart.span
    measure(chart, nearerMoved(chart.cursors, start + ((clientX - area.left) / area.width) * (end - start)))
  }
  window.addEventListener("pointerup", released, { once: true, capture: true })
}

function picture(chart, format) {
  const { data, plot, Plotly } = chart
  const width = Math.max(900, plot.clientWidth)
  const named = plot.data.filter((trace) => trace.showlegend).map((trace) => trace.name.length)
  const columns = Math.max(1, Math.floor((width - 150) / (Math.max(...named) * 8 + 50)))
  const more = 40 + 20 * Math.ceil(named.length / columns)
  const height = plot.layout.height + more
  const layout = {
    ...plot.layout,
    title: { text: data.title, font: { size: 14 }, x: 0.01, xanchor: "left", y: 1, yanchor: "top", pad: { t: 14 } },
    showlegend: true,
    legend: { orientation: "h", x: 0, xanchor: "left", yref: "container", y: 1 - 38 / height, yanchor: "top" },
    font: { ...plot.layout.font, family: "Arial, Helvetica, sans-serif" }, // an exported picture cannot embed the page's font
    margin: { ...plot.layout.margin, t: (plot.layout.margin.t ?? 12) + more },
    paper_bgcolor: data.panel,
    plot_bgcolor: data.panel,
    width,
    height,
  }
  Plotly.downloadImage(
    { data: plot.data.map((trace) => ({ ...trace, showlegend: trace.showlegend === true })), layout },
    { format, filename: data.file, width: layout.width, height: layout.height, scale: 2 },
  )
}
