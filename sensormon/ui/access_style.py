"""The style sheet of what makes the pages usable for everybody: focus, contrast, help, the first visit.

Colours are the variables that `style` sets.
"""

from __future__ import annotations

ACCESS = """
/* Drawn for those who listen, or not drawn at all: out of the flow, so that it takes no gap. */
div:has(> .st-key-unseen), div:has(> .st-key-read-aloud) { position: absolute; width: 1px; height: 1px;
  overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

/* One ring for all that can have the focus, Streamlit's own widgets too. */
:focus-visible { outline: 2px solid var(--link) !important; outline-offset: 2px !important; }
#stMain:focus-visible, canvas:focus-visible { outline-offset: -2px !important; }
[role="group"]:has(> input:focus-visible), [role="group"]:has(> * > input:not([type="range"]):focus-visible),
[data-testid="stDataFrame"]:has(canvas:focus-visible),
[data-testid="stFileUploaderDropzone"]:has(:focus-visible),
label:has(> span > input:focus-visible), label:has(> input:focus-visible),
[data-testid="stTextInputRootElement"]:has(input:focus-visible),
[data-testid="stTextAreaRootElement"]:has(textarea:focus-visible) {
  outline: 2px solid var(--link) !important; outline-offset: 2px !important; border-radius: .4rem; }
div:has(> div > input[type="range"]:focus-visible) { outline: 2px solid var(--link) !important;
  outline-offset: 3px !important; border-radius: 50%; }
input:not([type="checkbox"], [type="radio"]):focus-visible, textarea:focus-visible {
  outline: none !important; }

/* The monitor does not answer: what is on the page is old. */
.silence { position: fixed; top: .5rem; left: 50%; transform: translateX(-50%); z-index: 1000000;
  width: max-content; max-width: 92vw; background: var(--panel); color: var(--alarm);
  border: 1px solid var(--alarm); border-left-width: 4px;
  border-radius: .3rem; padding: .5rem .9rem; font-weight: 600;
  box-shadow: 0 2px 12px rgba(0, 0, 0, .25); }
.silence[hidden] { display: none; }
.status.old { opacity: .45; }

/* Streamlit thins its small print to 60 %, below what AA asks for. */
[data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] p,
[data-testid="InputInstructions"], [data-testid="stFileUploaderDropzoneInstructions"] span {
  color: var(--quiet) !important; opacity: 1 !important; }
[data-testid="stSliderTickBar"] { color: var(--quiet) !important; }
button[kind="tertiary"]:is(:hover, :focus, :active, [aria-expanded="true"]) { color: var(--link) !important; }
input::placeholder, textarea::placeholder { color: var(--quiet) !important; opacity: 1 !important; }

/* White on the dark theme's blue would be 2.4 to 1. */
button[kind^="primary"]:not(:disabled) { background-color: var(--link) !important; }
button[kind^="primary"]:not(:disabled), button[kind^="primary"]:not(:disabled) * {
  color: var(--panel) !important; }
.st-key-previous button *, .st-key-next button * { opacity: 1 !important; } /* the keys they name */
[data-testid="stMultiSelect"] [data-tag], [data-testid="stMultiSelect"] [data-tag] * {
  background-color: var(--edge) !important; color: var(--text) !important; }
.st-key-panel-controls [role="radio"] { padding-inline: .6rem; }

/* A word that explains itself. */
button.term { all: unset; cursor: help; text-decoration: underline dotted; text-decoration-thickness: 1px;
  text-underline-offset: .2em; border-radius: .15rem; }
button.term:hover { color: var(--link); }
.term-tip { position: fixed; z-index: 2000000; max-width: min(22rem, calc(100vw - 1rem));
  padding: .5rem .75rem; background: var(--panel); color: var(--text); border: 1px solid var(--quiet);
  border-radius: .4rem; box-shadow: 0 2px 10px rgb(0 0 0 / .25); font-size: .875rem; line-height: 1.3rem; }
.prose { color: var(--quiet); font-size: .875rem; line-height: 1.35rem; margin: 0; }

/* Help and the first visit. */
.help-text { margin: 0; }
.help-head { font-size: 1rem; font-weight: 600; margin: .4rem 0 .2rem; padding: 0; }
.words { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .35rem .9rem; margin: 0;
  padding: 0 !important; font-size: .875rem; line-height: 1.25rem; }
.words dt { font-weight: 600; max-width: 9rem; }
.words dd { margin: 0; color: var(--quiet); }
.keys { border-collapse: collapse; font-size: .875rem; }
.keys th { text-align: left; vertical-align: top; font-weight: 400; padding: .12rem 1rem .12rem 0;
  white-space: nowrap; }
.keys td { padding: .12rem 0; color: var(--quiet); }
[data-testid="stBaseButton-primary"] kbd { opacity: 1; } /* Streamlit's six tenths are too pale there */
kbd { font: inherit; border: 1px solid var(--border); border-bottom-width: 2px; border-radius: .25rem;
  padding: 0 .4rem; }
button.plain { font: inherit; font-size: .875rem; color: inherit; cursor: pointer; background: var(--panel);
  border: 1px solid var(--border); border-radius: .4rem; padding: .25rem .75rem; min-height: 2rem; }
.keys-switch { margin-top: .4rem; }
button.plain:hover { color: var(--link); border-color: var(--link); }
html:not(.keys-off) .when-off, html.keys-off .when-on { display: none; }
[class*="-try-"] a, [class*="-try-"] a * { color: var(--link); white-space: normal; height: auto; }
.st-key-head [data-testid="stPopoverButton"] { min-height: 2rem; }
.st-key-first-visit { background: var(--panel); border-color: var(--link); }
.seen { margin: 0; font-size: 1.05rem; line-height: 1.5rem; }
div:has(> [data-testid="stPopoverBody"]) { max-width: calc(100vw - 1rem); }
[data-testid="stPopoverBody"]:has(.words) { width: min(34rem, calc(100vw - 1.5rem)); max-height: 80vh; }

@media (max-width: 640px) {
  .words { grid-template-columns: 1fr; gap: 0; }
  .words dd { margin-bottom: .4rem; }
}
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation-duration: .01ms !important; animation-iteration-count: 1 !important;
    transition-duration: .01ms !important; scroll-behavior: auto !important; }
}
@media (forced-colors: active) {
  .abnormal, .alarm { forced-color-adjust: none; }
}
"""
