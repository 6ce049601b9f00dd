// Numbers and times as text, as sensormon/view/phrases.py writes them.

const formats = new Map()

export function number(value, decimals) {
  if (value === null || !Number.isFinite(value)) return "–"
  if (!formats.has(decimals)) {
    const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals }
    formats.set(decimals, new Intl.NumberFormat("en-US", digits))
  }
  return formats.get(decimals).format(value)
}

// A length of time (ms) in its two largest units.
export function duration(milliseconds) {
  const seconds = Math.max(0, milliseconds / 1000)
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  for (const [size, unit, part, smaller] of [
    [86400, "d", 3600, "h"],
    [3600, "h", 60, "min"],
    [60, "min", 1, "s"],
  ]) {
    if (whole >= size) {
      const rest = Math.floor((whole % size) / part)
      return `${Math.floor(whole / size)} ${unit}` + (rest ? ` ${rest} ${smaller}` : "")
    }
  }
  return `${whole} s`
}

// The time of day in the browser's zone, which is the viewer's; with the day if that is not today.
export function clock(time, now = Date.now()) {
  const moment = new Date(time)
  const text = moment.toTimeString().slice(0, 8)
  if (moment.toDateString() === new Date(now).toDateString()) return text
  const day = `${moment.getMonth() + 1}`.padStart(2, "0") + "-" + `${moment.getDate()}`.padStart(2, "0")
  return `${day} ${text}`
}

// The place of the last element that is not above `value` in an ascending array; -1 if all are.
export function place(array, value) {
  let low = 0
  let high = array.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (array[middle] <= value) low = middle + 1
    else high = middle
  }
  return low - 1
}
