"""Whom and what the weights of a checkpoint have seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypedDict

from rnnet.core.log import get_logger
from rnnet.dataset.leakage import Exposure
from rnnet.training.checkpoint import Checkpoint

log = get_logger(__name__)

# Other names and images of qualified patients, from the data sets that are here (rnnet.experiment.recall).
Recall = Callable[[Iterable[str]], Exposure]


def checkpoint_exposure(checkpoint: Checkpoint, name: str, recall: Recall | None = None) -> Exposure:
    """What training saw, pretraining included. name: for messages.

    Names without a data set, of checkpoints that older versions wrote, are of the data set of the plan. Such a
    checkpoint may have recorded the patients alone: then `recall` is asked about them, and whom it does not know, or
    everyone without it, stays unknown.
    """
    dataset = checkpoint.plan["dataset"]
    patients = frozenset(p if "/" in p else f"{dataset}/{p}" for p in checkpoint.patients_seen)
    if checkpoint.names_seen is None or checkpoint.images_seen is None:
        return _recalled(Exposure(name, patients, unknown=patients), recall)
    return Exposure(
        name, patients, {patient: frozenset(names) for patient, names in checkpoint.names_seen.items()},
        checkpoint.images_seen, frozenset(checkpoint.scans_unhashed), frozenset(checkpoint.patients_unknown),
    )


def checkpoint_steering(checkpoint: Checkpoint, name: str) -> Exposure:
    """Whose outcomes the weights have learned from: the lesions of a probe that may stop pretraining, or everybody whom
    a trained classifier has seen whose encoder was imported. name: for messages.

    Nobody's where the probe only drew its curve, and in checkpoints that older versions wrote. Everybody in it is also
    among those whom the weights have seen.
    """
    dataset, scans = checkpoint.plan["dataset"], frozenset(checkpoint.steered_scans)
    patients = frozenset(p if "/" in p else f"{dataset}/{p}" for p in checkpoint.steered_by)
    names, images = checkpoint.names_seen or {}, checkpoint.images_seen or {}
    unknown = patients & frozenset(checkpoint.patients_unknown)
    if checkpoint.names_seen is None or checkpoint.images_seen is None:
        unknown = patients
    return Exposure(
        name, patients, {patient: frozenset(names[patient]) for patient in patients & names.keys()},
        {scan: images.get(scan, "") for scan in scans}, scans & frozenset(checkpoint.scans_unhashed), unknown,
    )


def _recalled(exposure: Exposure, recall: Recall | None) -> Exposure:
    if recall is None or not exposure.patients:
        return exposure
    found = recall(exposure.patients)
    log.warning(
        "%s: an older version recorded the patients alone. Other names and images of %d of %d are taken from the data "
        "sets that are here.", exposure.name, len(exposure.patients - found.unknown), len(exposure.patients),
    )
    return replace(exposure, unknown=frozenset()) | found


class Seen(TypedDict):
    """The fields of a checkpoint that an exposure fills, beside the patients."""

    names_seen: dict[str, tuple[str, ...]]
    images_seen: dict[str, str]
    scans_unhashed: tuple[str, ...]
    patients_unknown: tuple[str, ...]


def stored_exposure(exposure: Exposure) -> Seen:
    """An exposure as a checkpoint stores it."""
    return Seen(
        names_seen={patient: tuple(sorted(exposure.names[patient])) for patient in sorted(exposure.names)},
        images_seen=dict(exposure.images), scans_unhashed=tuple(sorted(exposure.unhashed)),
        patients_unknown=tuple(sorted(exposure.unknown)),
    )
