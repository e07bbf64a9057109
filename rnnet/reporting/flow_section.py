"""The flow of cases as part of the page: boxes from all rows of cases.csv to the parts that were used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnet.reporting.facts import CaseFlow, FlowBox
from rnnet.reporting.markup import Html, element, joined
from rnnet.reporting.tables import plain_outcome

STYLE = """
.flow { display: grid; justify-items: center; margin: 6px 0 18px; font-size: 14px; line-height: 1.4; }
.flow .box { border: 1px solid var(--muted); border-radius: 4px; padding: 9px 14px; background: var(--paper);
  font-variant-numeric: tabular-nums; } .flow .box b { display: block; }
.flow .box small { display: block; color: var(--muted); font-size: 13px; }
.flow .step { display: grid; grid-template-columns: 1fr minmax(230px, 300px) 1fr; width: 100%; align-items: center; }
.flow .step > .box { grid-column: 2; text-align: center; }
.flow .down { grid-column: 2; justify-self: center; width: 1px; height: 100%; min-height: 26px;
  background: var(--muted); } .flow .down.tall { min-height: 54px; }
.flow .lost { grid-column: 3; display: flex; align-items: center; padding: 8px 0; }
.flow .lost::before { content: ""; flex: 0 0 34px; height: 1px; background: var(--muted);
  margin-left: calc(-1 * min(150px, 50%)); margin-right: 0; width: calc(34px + min(150px, 50%));
  flex-basis: calc(34px + min(150px, 50%)); }
.flow .parts { display: flex; flex-wrap: wrap; justify-content: center; gap: 12px 24px;
  border-top: 1px solid var(--muted); padding: 14px 0 0; }
.flow .parts .box { border-width: 1.5px; border-color: var(--ink); min-width: 230px; text-align: center; }
@media (max-width: 640px) { .flow .step { grid-template-columns: minmax(0, 1fr); }
  .flow .step > .box, .flow .down, .flow .lost { grid-column: 1; } .flow .down.tall { display: none; }
  .flow .lost { justify-self: center; } .flow .lost::before { display: none; } }
@media print { .flow { break-inside: avoid; } }
"""


def flow_section(flows: Sequence[CaseFlow]) -> Html:
    """One diagram per data set."""
    return joined(_flow(flow, several=len(flows) > 1) for flow in flows)


def _flow(flow: CaseFlow, *, several: bool) -> Html:
    rows: list[Html] = []
    # A step that took nobody away is one with the next.
    steps = [box for box in flow.steps[:-1] if box is flow.steps[0] or box.excluded] + list(flow.steps[-1:])
    for number, box in enumerate(steps):
        if number:
            lost = _lost(box.excluded) if box.excluded else None
            line = element("span", class_="down tall" if lost else "down")
            rows.append(element("div", line, lost, class_="step"))
        rows.append(element("div", _box(box), class_="step"))
    if flow.parts:
        rows.append(element("div", element("span", class_="down"), class_="step"))
        rows.append(element("div", *map(_box, flow.parts), class_="parts"))
    return joined([
        element("h3", flow.dataset) if several else None,
        element("div", *rows, class_="flow", role="img", aria_label=f"Flow of cases of {flow.dataset}"),
    ])


def _box(box: FlowBox) -> Html:
    outcomes = [element("small", f"{plain_outcome(outcome)}: {n}") for outcome, n in box.by_outcome.items()]
    return element("div", element("b", box.title), _many(box.lesions, "lesion"), f", {_many(box.patients, 'patient')}",
                   *outcomes, class_="box")


def _lost(excluded: Mapping[str, int]) -> Html:
    lines = [element("small", f"{n}: {reason}") for reason, n in excluded.items()]
    return element("div", element("div", element("b", f"Excluded: {_many(sum(excluded.values()), 'lesion')}"), *lines,
                                  class_="box"), class_="lost")


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
