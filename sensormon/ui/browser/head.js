// The scripts of every page. Each part may be started repeatedly.
import { aloud } from "./aloud.js"
import { blank } from "./blank.js"
import { controls } from "./controls.js"
import { keys } from "./keys.js"
import { sheet } from "./sheet.js"
import { signIn } from "./sign_in.js"
import { silence } from "./silence.js"
import { statusLine } from "./status_line.js"
import { terms } from "./terms.js"
import { theme } from "./theme.js"
import { ticks } from "./ticks.js"
import { welcome } from "./welcome.js"

export function mount({ data }) {
  document.documentElement.classList.add("has-scripts")
  aloud()
  blank()
  controls()
  keys(data.pages)
  sheet()
  signIn()
  silence()
  statusLine()
  terms()
  theme(data.pages)
  ticks()
  welcome()
}

export function unmount() {}
