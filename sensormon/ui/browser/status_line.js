// On a phone the status line has what matters; a button shows the rest of it. The menu gets its name, too.
let listening = false

export function statusLine() {
  const open = () => document.documentElement.classList.contains("status-open")
  document.querySelector(".status-more")?.setAttribute("aria-expanded", open())
  document.querySelector("[data-testid=stExpandSidebarButton]")?.setAttribute("aria-label", "Menu")
  if (listening) return
  listening = true
  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.(".status-more")
    if (!button) return
    document.documentElement.classList.toggle("status-open")
    button.setAttribute("aria-expanded", open())
  })
}
