// The look of a tag's state: shape, word and colour tell the severity, as `view/severity.py` has them.

// Marks a node as abnormal or not; `severities` are those of the states, `calling` is the last abnormal one.
export function markSeverity(node, state, { severities, calling }) {
  node.classList.toggle("abnormal", state <= calling)
  node.dataset.severity = severities?.[state] ?? ""
}
