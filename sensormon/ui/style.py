"""The style sheet that every page begins with; colours are the palette's."""

from __future__ import annotations

STYLE = """
:root { --panel: %(panel)s; --edge: %(grid)s; --text: %(text)s; --quiet: %(secondary)s;
  --alarm: %(anomaly)s; --link: %(interaction)s; --border: %(border)s;
  --doubt: %(uncertain)s; --band: %(band)s; --hover: %(grid)s; }
[class*="st-key-panel"] { background: var(--panel); border-radius: .4rem; }
[class*="st-key-panel"]:has(.abnormal-card) { border-color: var(--alarm); }
[data-testid="stStatusWidget"] { display: none; } /* it would blink with every refresh */
.status { display: flex; flex-wrap: wrap; gap: .15rem 1.6rem; font-size: .925rem; line-height: 1.5rem;
  font-variant-numeric: tabular-nums; }
.status > span { white-space: nowrap; min-width: max-content; }
button.copy-link { font: inherit; font-size: .875rem; color: inherit; cursor: pointer;
  background: var(--panel); border: 1px solid var(--border); border-radius: .4rem; padding: .25rem .75rem;
  min-height: 2.5rem; }
button.copy-link:hover { color: var(--link); border-color: var(--link); }
.quiet { color: var(--quiet); }
.abnormal { color: var(--alarm); font-weight: 600; }
.alarm { border-left: 3px solid var(--alarm); background: var(--panel); color: var(--alarm); font-weight: 600;
  padding: .5rem .8rem; margin-top: .5rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.alarm .details { color: var(--text); font-weight: 400; font-size: .8rem; line-height: 1.2rem; }
.state, .note { overflow-wrap: anywhere; }
.state .quiet { font-size: .875rem; }
.card, .way, .sum, .first-line { font-variant-numeric: tabular-nums; }
.card { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1.2rem; }
.card .label { font-weight: 600; min-width: min(12rem, 100%%); max-width: 100%%; overflow-wrap: anywhere; }
.card .value { font-size: 1.5rem; line-height: 2rem; font-weight: 600; min-width: 7.5rem; }
.card .value, .card .verdict { white-space: nowrap; }
.card .verdict { margin-left: auto; text-align: right; min-width: 17rem; }
.first-line { font-size: 1.125rem; line-height: 1.7rem; }
.figures { width: 100%%; border-collapse: collapse; font-size: .925rem; font-variant-numeric: tabular-nums; }
.figures th { text-align: left; font-weight: 400; color: var(--quiet); padding: .3rem .8rem .3rem 0; }
.figures td { padding: .3rem .8rem .3rem 0; border-top: 1px solid var(--edge); vertical-align: top; }
.figures small { color: var(--quiet); font-size: .8rem; display: block; }
.figures small span { white-space: nowrap; }
.figures.sizes { max-width: 46rem; }
.figures.sizes th { color: var(--text); border-top: 1px solid var(--edge); }
.figures.sizes td { text-align: right; white-space: nowrap; padding-right: 0; }
.way { display: flex; flex-wrap: wrap; align-items: stretch; gap: .5rem; }
.way .box { flex: 1 1 9.5rem; background: var(--panel); border: 1px solid var(--edge); border-radius: .4rem;
  padding: .7rem .9rem; font-size: .875rem; line-height: 1.35rem; }
.way .box.wrong { border-color: var(--alarm); }
.way .box .count { font-size: 1.5rem; line-height: 2rem; font-weight: 600; }
.way .arrow { align-self: center; color: var(--quiet); }
.sum { display: flex; flex-wrap: wrap; align-items: flex-end; gap: .3rem 1rem; }
.sum .signed { display: inline-flex; align-items: flex-end; gap: 1rem; }
.sum .term b { display: block; font-size: 1.375rem; line-height: 1.8rem; font-weight: 600; }
.sum .term { font-size: .875rem; color: var(--quiet); }
.sum .term:not(.abnormal) b { color: var(--text); }
.sum .sign { font-size: 1.375rem; line-height: 1.8rem; padding-bottom: 1.3rem; color: var(--quiet); }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .3rem 1rem;
  font-size: .875rem; font-variant-numeric: tabular-nums; }
.facts span { color: var(--quiet); display: block; font-size: .8rem; }
.st-key-explore-controls [data-testid="stButtonGroup"] button { min-height: 2.5rem; } /* as beside it */
.hoverlayer .axistext { display: none; } /* the hover line itself begins with the time */
@media (min-width: 641px) {
  [data-testid="stColumn"]:has(> * .st-key-panel-controls) { position: sticky; top: 4rem;
    align-self: flex-start; max-height: calc(100vh - 5rem); overflow-y: auto; }
}
@media (max-width: 640px) {
  .status { gap: .1rem 1rem; font-size: .875rem; }
  .card .label, .st-key-explore { min-width: 100%%; }
  .card .verdict { min-width: 9rem; white-space: normal; }
  /* Every choice is in sight. */
  [data-testid="stButtonGroup"] > div { flex-wrap: wrap; row-gap: .25rem; }
  .way { flex-direction: column; }
  .way { gap: .15rem; }
  .way .box { flex: 1 1 auto; display: grid; grid-template-columns: 8rem 1fr; grid-auto-flow: dense;
    padding: .5rem .9rem; }
  .way .box > div { grid-column: 1; }
  .way .box > .count { grid-row: 2 / span 2; }
  .way .box > .quiet { grid-column: 2; }
  .way .arrow { transform: rotate(90deg); }
}
"""
