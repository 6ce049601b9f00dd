// The order of rows by what they are now, worst first, without jumping under somebody's eyes.
//
// A worse state counts at once, a better one only after a while, so that a value on the edge of its band moves
// nothing to and fro. Whoever becomes worse changes places with few others and does not push all of them down.
// The order stays as it is while the pointer or the focus is on it.

const HELD = 20_000 // ms for which a state that has become better still counts

export class CalmOrder {
  // `node` holds what is ordered.
  constructor(node) {
    this.node = node
    this.order = []
    this.held = new Map() // by name: the rank that counts, and until when a better one does not
  }

  // Whether somebody points at it or works in it.
  get watched() {
    return this.node.matches(":hover") || this.node.contains(document.activeElement)
  }

  // These names, given in their usual order. `rank(name)` is what they are now.
  sorted(names, rank, now = Date.now()) {
    const ranks = new Map(names.map((name) => [name, this.rank(name, rank(name), now)]))
    const usual = new Map(names.map((name, at) => [name, at]))
    const compare = (a, b) => ranks.get(a) - ranks.get(b) || usual.get(a) - usual.get(b)
    const worstFirst = [...names].sort(compare)
    const kept = this.order.filter((name) => ranks.has(name))
    if (kept.length && this.watched) {
      const known = new Set(kept)
      this.order = [...kept, ...worstFirst.filter((name) => !known.has(name))]
    } else {
      this.order = inPlace(this.order, worstFirst, ranks)
    }
    return this.order
  }

  rank(name, rank = Infinity, now) {
    const held = this.held.get(name)
    if (!held || rank <= held.rank) this.held.set(name, { rank, until: now + HELD })
    else if (now >= held.until) this.held.set(name, { rank, until: now + HELD })
    return this.held.get(name).rank
  }
}

// `worstFirst` with as few moves as can be: whoever is in a place of its rank already stays there, also behind
// others of that rank that come first in the table.
function inPlace(before, worstFirst, ranks) {
  const places = worstFirst.map((name, at) => (ranks.get(before[at]) === ranks.get(name) ? before[at] : null))
  const staying = new Set(places)
  const moving = worstFirst.filter((name) => !staying.has(name)) // in the order of the places left, rank by rank
  return places.map((name) => name ?? moving.shift())
}
