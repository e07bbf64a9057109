"""Histograms and bars as part of a page (SVG and CSS): sharp at any size, a few hundred bytes each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rnnet.reporting.markup import Html, element, joined

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 320, 150, 34, 8, 8, 34
_COLOURS = 6


def colour_class(number: int) -> str:
    """CSS class of the number-th series; after six they start again."""
    return f"s{number % _COLOURS}"


def histogram(
    title: str, unit: str, edges: Sequence[float], series: Mapping[str, Sequence[int]], *, note: str = "",
    logarithmic: bool = False,
) -> Html:
    """A figure of counts between edges; several series are stacked, in the order of their names' colours.

    Args:
        title: what is counted.
        unit: of the horizontal axis.
        edges: n + 1 rising values; all above 0 if logarithmic.
        series: name to n counts.
        note: what else the reader should know.
        logarithmic: equal steps to the right are equal factors.
    """
    if len(edges) == 2:  # one value: a bar of full width would say that it is spread
        return _single(title, unit, (edges[0] + edges[1]) / 2, series, note)
    totals = [sum(counts) for counts in zip(*series.values(), strict=True)]
    top = max(totals, default=0) or 1

    def across(value: float) -> float:
        low, high, here = (math.log(v) if logarithmic else v for v in (edges[0], edges[-1], value))
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (here - low) / ((high - low) or 1)

    def down(count: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - count / top)

    bars, below = [], [0] * len(totals)
    for number, counts in enumerate(series.values()):
        for i, count in enumerate(counts):
            if count:
                left, right = across(edges[i]), across(edges[i + 1])
                y, foot = down(below[i] + count), down(below[i])
                bars.append(element("rect", x=_short(left), y=_short(y), width=_short(max(1.0, right - left - 1)),
                                    height=_short(foot - y), class_=colour_class(number)))
                below[i] += count
    floor = down(0)
    scale = [
        element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=_short(floor), y2=_short(floor), class_="axis"),
        _label(_LEFT - 5, down(top) + 4, str(top), "end"), _label(_LEFT - 5, floor, "0", "end"),
        *(_label(across(t), floor + 14, f"{t:,.4g}" if t < 10_000 else f"{t:,.0f}", "middle")
          for t in ticks(edges[0], edges[-1], logarithmic=logarithmic)),
        _label((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 4, unit, "middle"),
    ]
    drawing = element("svg", *scale, *bars, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img", aria_label=title)
    return element("figure", drawing, element("figcaption", element("b", title), note or None))


def _single(title: str, unit: str, value: float, series: Mapping[str, Sequence[int]], note: str) -> Html:
    """The figure of values that are all the same."""
    counts = [sum(c) for c in series.values()]
    shown = element("div", element("b", f"{value:,.4g} {unit}"), element("small", f"all {sum(counts):,}"),
                    class_="single")
    return element("figure", shown, element("figcaption", element("b", title), note or None))


def legend(names: Sequence[str]) -> Html:
    """Which colour is whose."""
    return element("p", *(
        element("span", element("span", class_=f"key {colour_class(i)}"), name, class_="item")
        for i, name in enumerate(names)
    ), class_="legend")


def share_bar(counts: Sequence[int]) -> Html:
    """A bar divided in proportion to the counts."""
    total = sum(counts) or 1
    return element("div", *(
        element("i", class_=colour_class(i), style=f"width:{100 * count / total:.1f}%")
        for i, count in enumerate(counts) if count
    ), class_="bar")


def ticks(low: float, high: float, *, logarithmic: bool = False) -> list[float]:
    """Three to six round numbers from low to high."""
    if logarithmic:
        powers = [10.0**k for k in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
        found = [p for p in powers if low <= p <= high]
        return found[:: max(1, math.ceil(len(found) / 6))] if len(found) > 1 else [low, high]
    span = (high - low) or 1.0
    step = 10.0 ** math.floor(math.log10(span))
    step = next(s for s in (step / 5, step / 2, step, 2 * step) if span / s <= 6)
    return [round(k * step, 10) for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _label(x: float, y: float, text: str, anchor: str) -> Html:
    return element("text", text, x=_short(x), y=_short(y), text_anchor=anchor)


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def chart_grid(charts: Sequence[Html]) -> Html:
    """Figures side by side where the page is wide enough."""
    return element("div", joined(charts), class_="charts") if charts else Html("")
