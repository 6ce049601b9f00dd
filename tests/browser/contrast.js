// Walks what is drawn and says which words are too faint (WCAG 2.2, 1.4.3), which fields have no
// name, and in which order the headings come. Disabled controls are exempt, as they are in WCAG.
() => {
  const parsed = (colour) => {
    const parts = colour.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0]
    return colour.startsWith("color(srgb")
      ? [...parts.slice(0, 3).map((part) => part * 255), parts[3] ?? 1]
      : [...parts.slice(0, 3), parts[3] ?? 1]
  }
  const over = ([r, g, b, a], under) => [r, g, b].map((channel, i) => channel * a + under[i] * (1 - a))
  const linear = (channel) => (channel / 255 <= 0.04045 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4)
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
  const contrast = (color, other) => {
    const [low, high] = [luminance(color), luminance(other)].sort((a, b) => a - b)
    return (high + 0.05) / (low + 0.05)
  }
  const groundOf = (element) => {
    const layers = []
    for (let node = element; node; node = node.parentElement) layers.push(parsed(getComputedStyle(node).backgroundColor))
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255])
  }
  const opacityOf = (element) => {
    let opacity = 1
    for (let node = element; node; node = node.parentElement) opacity *= Number(getComputedStyle(node).opacity)
    return opacity
  }
  const drawn = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
    !element.closest("[inert], :disabled, [aria-disabled=true], .st-key-unseen, .st-key-read-aloud, svg")

  const faint = []
  let looked = 0
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const words = walker.currentNode.textContent.trim()
    const element = walker.currentNode.parentElement
    if (!words || !element || element.matches("style, script, noscript *") || !drawn(element)) continue
    const box = element.getBoundingClientRect()
    if (box.width < 2 || box.height < 2) continue
    looked += 1
    const style = getComputedStyle(element)
    // A slider's number stands above its knob, which it lies in.
    const ground = groundOf(element.closest("[data-testid=stSliderThumbValue]") ? element.closest("[data-testid=stSlider]") : element)
    const [r, g, b, a] = parsed(style.color)
    const colour = over([r, g, b, a * opacityOf(element)], ground)
    const size = parseFloat(style.fontSize)
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)
    const ratio = contrast(colour, ground)
    const mark = !/[\p{L}\p{N}]/u.test(words) // a symbol whose meaning stands beside it: 1.4.11
    if (ratio < (large || mark ? 3 : 4.5)) faint.push({ words: words.slice(0, 60), ratio: ratio.toFixed(2), colour: style.color, ground: ground.map(Math.round).join(",") })
  }

  const nameless = [...document.querySelectorAll("main input, main textarea, main select, main button, main [role=figure], main [role=img]")]
    .filter((field) => drawn(field) && field.type !== "hidden" && field.tabIndex >= -1)
    .filter((field) => {
      const labels = [...(field.labels ?? [])].map((label) => label.textContent).join("")
      const by = (field.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join("")
      return !(field.ariaLabel || by.trim() || labels.trim() || field.textContent.trim() || field.title)
    })
    .map((field) => field.outerHTML.slice(0, 160))

  const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
    .filter((heading) => heading.checkVisibility() && !heading.closest("[role=dialog]"))
    .map((heading) => Number(heading.tagName[1]))
  return { looked, faint, nameless, headings }
}
