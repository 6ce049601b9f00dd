// Inline in the page: finds the module that draws, and hands the component to it. Streamlit sends
// this text again with every refresh, so the drawing code is not in here.
export default function (component) {
  const { data, parentElement, setStateValue } = component
  const url = new URL(`assets/${data.version}/${data.module}`, window.location.href).href
  const state = parentElement.loaded ?? (parentElement.loaded = {})
  state.gone = false
  import(url).then(
    (module) => {
      if (state.gone) return
      state.unmount = module.unmount
      module.mount(component)
    },
    () => setStateValue("unavailable", true),
  )
  return () => {
    state.gone = true
    if (state.unmount) state.unmount(parentElement)
  }
}
