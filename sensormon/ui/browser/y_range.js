// The y range of a chart: the rule of sensormon/view/y_range.py, which also has its numbers.

// `extremes` are the lowest and highest reading in view (low, high; Infinity and -Infinity without any) and
// edge of the band (lower, upper, the same). `rule` is a tag's YRule.
export function fitted(extremes, rule) {
  let { low, high } = extremes
  if (low > high) [low, high] = rule.empty
  else {
    const room = Math.max(high - low, rule.room)
    const [floor, ceiling] = [low - room, high + room]
    low = Math.min(low, Math.max(extremes.lower, floor))
    high = Math.max(high, Math.min(extremes.upper, ceiling))
  }
  const size = Math.max(Math.abs(low), Math.abs(high))
  if (high - low < Math.max(rule.least, 1e-9 * size, 1e-12)) {
    const least = rule.least || 1e-3 * size || 1
    ;[low, high] = [(low + high - least) / 2, (low + high + least) / 2]
  }
  const air = rule.air * (high - low)
  const step = 10 ** Math.floor(Math.log10((high - low) / 10))
  return [Math.floor((low - air) / step) * step, Math.ceil((high + air) / step) * step]
}

// How many decimals the ticks of a range this wide need.
export function tickDecimals(size) {
  return Math.max(0, -Math.floor(Math.log10(size / 5)))
}
