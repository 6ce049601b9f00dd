// The container whose words are read aloud whenever they change. It stays; only its words are replaced.
export function aloud() {
  const container = document.querySelector(".st-key-read-aloud")
  if (!container) return
  container.setAttribute("role", "status")
  container.setAttribute("aria-live", "polite")
}
