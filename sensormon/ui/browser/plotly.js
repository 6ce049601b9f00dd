// Plotly, loaded once for all modules from the package's own copy.
let loading

export function plotly(version) {
  loading ??= new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly)
    const script = document.createElement("script")
    script.src = new URL(`./plotly.min.js?v=${version}`, import.meta.url).href
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => {
      loading = undefined
      reject(new Error("Plotly could not be loaded"))
    }
    document.head.append(script)
  })
  return loading
}
