"""The look of all pages: one column, ink on white or light on dark, tables with rules only, and a version for paper."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ink: #1f2933; --muted: #5b6773; --line: #d5dbe1; --tint: #f3f6f9; --accent: #0b4f82;
  --warn: #8a4b00; --bad: #b3123a; --paper: #fff; --notice: #fff7e8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ec; --muted: #9aa6b2; --line: #37424d; --tint: #1e262e; --accent: #7cc0f5; --warn: #f0b866;
    --bad: #ff7d97; --paper: #12171c; --notice: #2e2614; }
  figure img { background: #fff; }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; color: var(--ink); background: var(--paper); font: 16px/1.55 system-ui, -apple-system, "Segoe UI",
  Roboto, "Helvetica Neue", Arial, "Liberation Sans", sans-serif; }
main, header.top { max-width: 980px; margin: 0 auto; padding: 0 28px; }
header.top { padding-top: 40px; }
.eyebrow { margin: 0; color: var(--accent); font-size: 13px; font-weight: 600; letter-spacing: .06em; }
h1 { margin: 4px 0 6px; font-size: 30px; line-height: 1.2; font-weight: 650; letter-spacing: -.01em; }
h2 { margin: 44px 0 14px; padding-top: 14px; border-top: 1px solid var(--line); font-size: 21px; line-height: 1.3; }
h3 { margin: 30px 0 4px; font-size: 16.5px; line-height: 1.35; }
p { margin: 0 0 12px; max-width: 46em; }
a { color: var(--accent); }
.meta, .subtitle, .note, figcaption, .beside { color: var(--muted); }
.meta { margin: 0; font-size: 14.5px; }
.subtitle { margin: 0 0 10px; font-size: 14.5px; }
.notice { margin: 22px 0 0; padding: 12px 16px; border-left: 4px solid #d98a00; background: var(--notice);
  font-size: 15px; }
.notice p { margin: 0; }
.leaks { margin: 22px 0 0; padding: 12px 16px; border: 2px solid var(--bad); color: var(--bad); font-weight: 600; }
.leaks p, .leaks ul { margin: 0 0 4px; max-width: none; }
nav { margin: 22px 0 0; font-size: 14.5px; display: flex; flex-wrap: wrap; gap: 4px 20px; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 14px; margin: 26px 0 4px; }
.tile { padding: 14px 16px 12px; background: var(--tint); border-radius: 6px; }
.tile .name { font-size: 14px; font-weight: 600; }
.tile .value { margin: 2px 0; font-size: 34px; line-height: 1.15; font-weight: 620; color: var(--accent);
  font-variant-numeric: tabular-nums; }
.tile .range { font-size: 14px; color: var(--muted); font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; margin: 0 0 10px; }
table { border-collapse: collapse; width: 100%; font-size: 14.5px; line-height: 1.4;
  border-top: 1.5px solid var(--ink); border-bottom: 1.5px solid var(--ink); }
th, td { padding: 6px 12px 6px 0; text-align: left; vertical-align: top; overflow-wrap: break-word; }
thead th { border-bottom: 1px solid var(--ink); font-weight: 600; vertical-align: bottom; }
tbody tr + tr > * { border-top: 1px solid var(--line); }
tbody th { font-weight: 400; }
tr.primary > * { font-weight: 650; background: var(--tint); }
table.figures td, table.figures thead th:not(:first-child) { text-align: center; padding: 6px 10px;
  font-variant-numeric: tabular-nums; }
table.figures td, table.figures tbody th { white-space: nowrap; }
table.figures tbody th, table.figures thead th:first-child { padding-left: 8px; }
table.plan td:last-child { min-width: 15em; } table.plan td { padding-right: 18px; }
table.plan th, .nowrap { white-space: nowrap; }
table.facts { width: auto; min-width: 55%; }
table.facts th { min-width: 13em; color: var(--muted); padding-right: 28px; }
table.facts td { font-variant-numeric: tabular-nums; }
code { font: 13px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
.note { margin: 0 0 4px; padding-left: 18px; font-size: 13.5px; max-width: 60em; }
.note li { margin: 0 0 2px; }
.empty { color: var(--muted); }
figure { margin: 0 0 26px; }
figure img { display: block; max-width: 100%; height: auto; margin: 0 0 6px; }
figcaption { font-size: 14px; line-height: 1.45; max-width: 56em; }
figcaption b { color: var(--ink); font-weight: 600; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(290px, 100%), 1fr)); gap: 10px 20px; }
.gallery figcaption { font-size: 13px; }
ol.steps { padding-left: 22px; } ol.steps li { margin: 0 0 6px; max-width: 52em; }
ul.plain li { margin: 0 0 6px; max-width: 52em; }
.warnings li { color: var(--warn); }
ul.versions { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 2px 28px;
  margin: 6px 0 0; padding: 0; list-style: none; font-size: 14.5px; font-variant-numeric: tabular-nums; }
ul.versions li { display: flex; justify-content: space-between; border-bottom: 1px solid var(--line); padding: 4px 0; }
ul.versions span { color: var(--muted); }
details summary { cursor: pointer; color: var(--accent); font-size: 14.5px; margin: 12px 0; }
pre { margin: 0; padding: 14px; background: var(--tint); border-radius: 6px; overflow-x: auto; }
footer { margin: 56px auto 40px; padding-top: 14px; border-top: 1px solid var(--line); font-size: 13.5px;
  color: var(--muted); }
@media (max-width: 640px) {
  body { font-size: 15px; }
  main, header.top { padding-left: 16px; padding-right: 16px; }
  h1 { font-size: 24px; }
  table.facts { width: 100%; } table.facts th { min-width: 0; }
}
@media print {
  :root { color-scheme: light; --ink: #1f2933; --muted: #5b6773; --line: #d5dbe1; --tint: #f3f6f9; --accent: #0b4f82;
    --warn: #8a4b00; --bad: #b3123a; --paper: #fff; --notice: #fff7e8; }
  @page { size: A4; margin: 16mm 15mm; }
  body { font-size: 10pt; }
  main, header.top { max-width: none; padding: 0; }
  nav, details { display: none; }
  h2 { margin-top: 26px; } h2, h3, .subtitle { break-after: avoid; }
  figure, .tile, tr, .notice, table.figures { break-inside: avoid; }
  .tiles, .gallery { grid-template-columns: repeat(3, 1fr); }
  .tile .value { font-size: 24pt; }
  table { font-size: 8.5pt; } .scroll { overflow: visible; }
  .tile, tr.primary > *, .notice { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""

# Histograms and bars: colours of Okabe and Ito (2008), told apart by colour-blind readers on white and on black.
FIGURES = """
:root { --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3: #cc79a7; --s4: #e69f00; --s5: #56b4e9; }
@media (prefers-color-scheme: dark) { :root { --s0: #4a9fe0; --s1: #f07a2a; --s2: #1fbf92; } }
.s0 { fill: var(--s0); background: var(--s0); } .s1 { fill: var(--s1); background: var(--s1); }
.s2 { fill: var(--s2); background: var(--s2); } .s3 { fill: var(--s3); background: var(--s3); }
.s4 { fill: var(--s4); background: var(--s4); } .s5 { fill: var(--s5); background: var(--s5); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(280px, 100%), 1fr)); gap: 4px 28px; }
.charts figure { margin: 0 0 14px; } .charts svg { display: block; width: 100%; max-width: 420px; height: auto; }
.charts figcaption b { display: block; } svg text { fill: var(--muted); font: 11px system-ui, sans-serif; }
svg .axis { stroke: var(--line); stroke-width: 1; }
.single { display: flex; flex-direction: column; justify-content: center; align-items: center; max-width: 420px;
  aspect-ratio: 320 / 150; background: var(--tint); border-radius: 6px; margin: 0 0 6px; }
.single b { font-size: 20px; font-weight: 600; color: var(--accent); } .single small { color: var(--muted); }
.key { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin: 0 5px 0 0; }
.legend { font-size: 13.5px; color: var(--muted); } .legend span.item { margin-right: 16px; white-space: nowrap; }
.bar { display: flex; height: 12px; border-radius: 2px; overflow: hidden; background: var(--tint); min-width: 120px; }
.bar i { display: block; height: 100%; }
.yours { color: var(--warn); font-weight: 600; }
"""

# Beside the common style, what the report of an evaluation needs.
REPORT = """
main, header.top { max-width: 1060px; }
.table { margin: 0 0 34px; } .table .scroll { margin-bottom: 8px; }
.caption { margin: 26px 0 2px; font-size: 15px; max-width: none; } .caption b { font-weight: 650; }
.bad { color: var(--bad); font-weight: 600; }
thead tr.spans th { border-bottom: none; padding-bottom: 2px; text-align: center; }
thead tr.spans th.span { border-bottom: 1px solid var(--muted); background-clip: padding-box; }
table.figures { font-size: 14px; } table.figures td { padding: 6px 7px; } table.figures thead th { padding: 6px 7px; }
table.figures tbody th { min-width: 10.5em; white-space: normal; }
.table .subtitle { max-width: none; } ul.digests { grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); }
thead .ci { font-weight: 400; }
table.text-end td:last-child, table.text-end thead th:last-child { text-align: left !important; white-space: normal; }
table.dense { font-size: 13px; } table.dense td, table.dense thead th { padding: 5px; }
.ci { display: block; color: var(--muted); font-size: 12.5px; } tr.primary .ci { font-weight: 500; }
.indented { padding-left: 1.1em; color: var(--muted); }
figure { scroll-margin-top: 12px; } .table, section { scroll-margin-top: 12px; }
main > section > figure { margin: 26px 0 34px; } figure.wide img { max-width: 100%; }
table.checklist td:nth-child(2) { width: 40%; } table.checklist th { white-space: nowrap; }
table.checklist .left { color: var(--muted); }
nav { border-top: 1px solid var(--line); padding-top: 14px; }
@media (max-width: 640px) {
  figure.wide .scroll img { max-width: none; width: 720px; }
  table.figures tbody th { position: sticky; left: 0; background: var(--paper); z-index: 1; min-width: 7.5em; }
  table.text-end td:last-child { white-space: nowrap; }
}
@media print {
  .caption, .caption + .subtitle { break-after: avoid; } .table { break-inside: avoid; }
  thead { display: table-header-group; } table.figures, table.checklist { font-size: 8pt; }
  table.figures td, table.figures thead th { padding: 3px 4px; } .ci { font-size: 7pt; }
  section { break-inside: auto; } figure.wide img { max-height: 150mm; }
}
"""
