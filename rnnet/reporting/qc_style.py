"""Look and behaviour of the page on preprocessed scans."""

from __future__ import annotations

STYLE = """
main, header.top { max-width: 1320px; }
.scans td, .scans tbody th { font-variant-numeric: tabular-nums; padding: 8px 12px 8px 0; }
.scans tbody th { min-width: 8.5em; max-width: 16em; }
.scans tbody th b { font-weight: 600; overflow-wrap: anywhere; } .scans .thumb { width: 312px; }
.scans small, .scans .muted { color: var(--muted); font-size: 13px; }
.scans .thumb img { display: block; width: 300px; height: auto; background: #000; border-radius: 3px; }
.scans .warn { color: var(--warn); } .scans .low { color: var(--bad); font-weight: 650; }
.scans ul { margin: 0; padding-left: 16px; } .scans .short { white-space: nowrap; }
.problem { color: var(--bad); font-weight: 600; } .scans button { all: unset; cursor: pointer; font-weight: 600; }
.scans button:hover, .scans button:focus-visible { color: var(--accent); text-decoration: underline; }
.scans th[aria-sort=ascending] button::after { content: " \\2191"; }
.scans th[aria-sort=descending] button::after { content: " \\2193"; }
#controls { margin: 0 0 12px; font-size: 14.5px; }
#controls input { font: inherit; padding: 5px 9px; width: 26em; max-width: 100%; color: var(--ink);
  background: var(--paper); border: 1px solid var(--muted); border-radius: 5px; }
#controls output { margin-left: 12px; color: var(--muted); }
.summary { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); gap: 0 40px; }
"""

# The table is complete without this; it adds sorting by a click on a heading, and a filter.
SCRIPT = """
(() => {
  const table = document.querySelector("table.scans.sortable");
  if (!table) return;
  const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
  const value = (row, i) => row.cells[i].dataset.v ?? row.cells[i].textContent;
  const sort = (i) => {
    const rising = heads[i].getAttribute("aria-sort") !== "ascending";
    heads.forEach(h => h.removeAttribute("aria-sort"));
    heads[i].setAttribute("aria-sort", rising ? "ascending" : "descending");
    const number = rows.every(r => value(r, i) === "" || !isNaN(value(r, i)));
    rows.sort((a, b) => {
      const x = value(a, i), y = value(b, i);
      if (x === "" || y === "") return (x === "") - (y === "");
      return (number ? x - y : x.localeCompare(y)) * (rising ? 1 : -1);
    });
    body.append(...rows);
  };
  heads.forEach((head, i) => {
    if (!head.textContent) return;
    const button = document.createElement("button");
    button.textContent = head.textContent;
    button.onclick = () => sort(i);
    head.replaceChildren(button);
  });
  const controls = document.getElementById("controls");
  const input = document.createElement("input"), shown = document.createElement("output");
  input.type = "search";
  input.placeholder = "filter: scan, patient, centre, stripper, warning";
  input.oninput = () => {
    const words = input.value.toLowerCase().split(" ").filter(Boolean);
    const texts = rows.map(r => r.textContent.toLowerCase());
    rows.forEach((r, k) => { r.hidden = !words.every(w => texts[k].includes(w)); });
    shown.textContent = rows.filter(r => !r.hidden).length + " of " + rows.length + " scans";
  };
  controls.append(input, shown);
  input.oninput();
  const wanted = new URLSearchParams(location.hash.slice(1)).get("sort");
  if (wanted) sort(heads.findIndex(h => h.textContent === wanted));
})();
"""
