// The links to the sign-in page lead back to the view that the address bar shows when they are followed.
let listening = false

export function signIn() {
  if (listening) return
  listening = true
  for (const kind of ["click", "auxclick", "contextmenu"]) document.addEventListener(kind, aim, true)
}

function aim(event) {
  const link = event.target.closest?.("a.sign-in")
  if (!link) return
  const address = new URL(link.href)
  address.searchParams.set("next", window.location.pathname + window.location.search)
  link.href = address.href
}
