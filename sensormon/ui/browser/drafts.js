// What was typed when the server went away, so that nothing of it is lost when it comes back. Meanwhile
// Streamlit disables every field, and a disabled field loses the focus; it gets it back.
// Nothing of a password is taken, not even while it is shown and its field is one of text.
const FIELDS = ":is(#stMain, [role=dialog]) :is(input:not([type=password], [autocomplete$=password], [type=checkbox], [type=radio], [type=range], [type=file], [role=combobox]), textarea)"

const TRIES = 40 // a busy server may take that long to draw the page again
const EVERY = 500 // ms between two tries

let kept = []
let last = null // the field that had the focus last

export function followFocus() {
  document.addEventListener("focusin", ({ target }) => {
    last = target.matches?.("input, textarea") ? target : null
  })
}

export function keepDrafts() {
  kept = [...document.querySelectorAll(FIELDS)].map((field) => ({
    field,
    label: nameOf(field),
    value: field.value,
    inDialog: Boolean(field.closest("[role=dialog]")),
  }))
}

// What was typed into a dialog that is gone. A field that is still there and was emptied is filled again.
export function lostDrafts() {
  const fields = [...document.querySelectorAll(FIELDS)]
  const lost = kept.filter((draft) => {
    const field = draft.field.isConnected ? draft.field : fields.find((other) => nameOf(other) === draft.label)
    if (field && !field.value && draft.value) fill(field, draft.value)
    return !field && draft.value && draft.inDialog
  })
  kept = []
  giveFocusBack(TRIES)
  return lost
}

// Returns the focus to the field that had it once that is enabled again, unless the person has moved on.
function giveFocusBack(tries) {
  if (!last?.isConnected || document.activeElement !== document.body) return
  if (!last.disabled) last.focus({ preventScroll: true })
  else if (tries) setTimeout(giveFocusBack, EVERY, tries - 1)
}

const nameOf = (field) => field.ariaLabel || field.labels?.[0]?.textContent || field.placeholder || ""

// React learns of a value only through the element's own setter and the event.
function fill(field, value) {
  const kind = field instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement
  Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(field, value)
  field.dispatchEvent(new Event("input", { bubbles: true }))
}
