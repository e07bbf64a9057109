"""Which skull-stripper really ran: read from the records of preprocessed scans, and compared with the training's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from rnnet.preprocessing.skull_strip.table import stripper_text
from rnnet.preprocessing.store import ScanStore

# Among the inputs of a training run.
STRIPPERS_INPUT = "skull_strippers"
_SEPARATOR = "; "
_HOW = {"none": "came skull-stripped already (none)", "mask": "came with a brain mask of its own (mask)"}


def stripper_of(store: ScanStore, scan_id: str) -> str:
    """Name and version of the stripper that a preprocessed scan was made with: 'deepbet 1.0.2'."""
    steps = (step.values for step in store.read_record(scan_id).history if step.step == "skull_strip")
    values = next(steps, {})
    return stripper_text(str(values.get("stripper", "unknown")), str(values.get("version", "")))


def strippers_in(store: ScanStore, scan_ids: Iterable[str]) -> dict[str, int]:
    """Number of scans by stripper, the most frequent first."""
    counts = Counter(stripper_of(store, scan_id) for scan_id in dict.fromkeys(scan_ids))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def strippers_text(names: Collection[str]) -> str:
    """The names in one line, as a training run records them."""
    return _SEPARATOR.join(sorted(names))


def parse_strippers(text: str) -> tuple[str, ...]:
    """The names in what `strippers_text` wrote; nothing for an empty text."""
    return tuple(text.split(_SEPARATOR)) if text else ()


def stripper_change(new: str, training: Collection[str]) -> str:
    """One sentence if no training scan was stripped as the new scan was; '' if one was, or if it is not known."""
    if not training or new in training:
        return ""
    name = new.partition(" ")[0]
    how = _HOW.get(name, f"was skull-stripped with {new}")
    mild = " Its brain outline may differ a little from theirs." if name in _HOW else ""
    return f"The scan {how}, the training scans with {' and '.join(sorted(training))}.{mild}"
