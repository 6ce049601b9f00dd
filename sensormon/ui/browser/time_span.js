// Time spans that are in view, as [from, to] in ms.

// Moved by this share of its length.
export function moved([from, to], share) {
  const step = (to - from) * share
  return [from + step, to + step]
}

// `factor` times as long, at least `least` ms. The point at `at`, 0 to 1, stays in place.
export function scaled([from, to], factor, least, at = 0.5) {
  const middle = from + (to - from) * at
  const width = Math.max(least, (to - from) * factor)
  return [middle - width * at, middle + width * (1 - at)]
}

// Pushed inside `whole`; null if it is as long.
export function inside([from, to], whole) {
  const width = to - from
  if (width >= whole[1] - whole[0]) return null
  const left = Math.min(Math.max(from, whole[0]), whole[1] - width)
  return [left, left + width]
}
