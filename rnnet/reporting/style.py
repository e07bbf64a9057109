"""One look for all pictures: colours that colour-blind readers can tell apart, no frames, no grids."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rnnet.core.files import atomic_path
from rnnet.core.types import CONFIGS, LOGISTIC_CONFIGS, TABULAR_CONFIGS

# Okabe and Ito (2008), without the yellow that white paper swallows.
INK, MUTED, LINE = "#1f2933", "#66727f", "#c9d1d9"
POSITIVE, NEGATIVE = "#d55e00", "#0072b2"
_COLOURS = {
    "multimodal": "#0072b2",
    "ssl_vit": "#d55e00",
    "vit_scratch": "#cc79a7",
    "ssl_vit_t1ce": "#e69f00",
    "resnet50": "#7f7f7f",
    "radiomics": "#009e73",
    "clinical": "#56b4e9",
    "radiomics_clinical": "#1f2933",
}
_LOGISTIC = "_logistic"
_RC = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 10,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": MUTED, "xtick.color": MUTED, "ytick.color": MUTED,
    "xtick.labelcolor": INK, "ytick.labelcolor": INK, "axes.spines.top": False, "axes.spines.right": False,
    "axes.linewidth": 0.8, "axes.titlesize": 11, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.axisbelow": True, "legend.frameon": False, "legend.fontsize": 9, "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


def colour_of(config: str) -> str:
    """The colour of a configuration, the same in every picture; a logistic control has that of its model."""
    return _COLOURS.get(config.removesuffix(_LOGISTIC), MUTED)


def line_of(config: str) -> tuple[str, float]:
    """Line style and width: solid for imaging, dashed for tables, dotted for logistic controls.

    The primary model is thickest.
    """
    if config in LOGISTIC_CONFIGS:
        return ":", 1.4
    if config == "multimodal":
        return "-", 2.6
    return ("--" if config in TABULAR_CONFIGS else "-"), 1.6


def in_order(configs: Any) -> list[str]:
    """Configurations in the order of the tables."""
    return sorted(configs, key=lambda c: (CONFIGS.index(c) if c in CONFIGS else len(CONFIGS), c))


@contextmanager
def picture(path: Path, *, width_inch: float, height_inch: float) -> Iterator[Figure]:
    """A figure in the common style that is written to `path` (PNG, 160 dpi) when the block ends without an error."""
    # Figure without pyplot: no display is opened and no global figure stays behind.
    with rc_context(_RC):
        figure = Figure(figsize=(width_inch, height_inch), layout="constrained", dpi=160)
        yield figure
        with atomic_path(path) as temporary:
            # As figure.savefig, which would draw everything twice.
            FigureCanvasAgg(figure).print_png(temporary, metadata={"Software": None})
