// The scripts of every page. Each part may be started repeatedly.
import { aloud } from "./aloud.js"
import { blank } from "./blank.js"
import { keys } from "./keys.js"
import { signIn } from "./sign_in.js"
import { silence } from "./silence.js"
import { terms } from "./terms.js"
import { ticks } from "./ticks.js"
import { welcome } from "./welcome.js"

export function mount({ data }) {
  aloud()
  blank()
  keys(data.pages)
  signIn()
  silence()
  terms()
  ticks()
  welcome()
}

export function unmount() {}
