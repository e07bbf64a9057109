"""Whether new scans were skull-stripped as the training scans were: another outline of the brain is another input."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from rnnet.core.codec import artefact_inputs
from rnnet.core.log import get_logger
from rnnet.core.wording import listed
from rnnet.core.workspace import FoldLayout
from rnnet.preprocessing.skull_strip.record import STRIPPERS_INPUT, parse_strippers, stripper_change, stripper_of
from rnnet.preprocessing.store import ScanStore

log = get_logger(__name__)


def training_strippers(folds: Iterable[FoldLayout]) -> tuple[str, ...]:
    """The strippers of the training scans by the records of the training runs, which travel with the models."""
    names: set[str] = set()
    for layout in folds:
        if layout.run_json.is_file():
            inputs = artefact_inputs(layout.run_json, made_by="rnnet_train")
            names.update(parse_strippers(inputs.get(STRIPPERS_INPUT, "")))
    return tuple(sorted(names))


def warn_of_strippers(
    training: Collection[str], store: ScanStore, scan_ids: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """By scan, a sentence if it was stripped otherwise than the training scans; each kind is logged once."""
    changes = {scan_id: stripper_change(stripper_of(store, scan_id), training) for scan_id in dict.fromkeys(scan_ids)}
    if not training:
        log.warning("The models do not say how their training scans were skull-stripped: train them again to know.")
    for sentence in sorted({s for s in changes.values() if s}):
        found = [scan_id for scan_id, s in changes.items() if s == sentence]
        log.warning("%s (%d of %d scans: %s)", sentence, len(found), len(changes), listed(found))
    return {scan_id: (sentence,) if sentence else () for scan_id, sentence in changes.items()}
