"""Whom and what the weights of a checkpoint have seen."""

from __future__ import annotations

from rnnet.dataset.leakage import Exposure
from rnnet.training.checkpoint import Checkpoint


def checkpoint_exposure(checkpoint: Checkpoint, name: str) -> Exposure:
    """What training saw, pretraining included. name: for messages.

    Names without a data set, of checkpoints that older versions wrote, are of the data set of the plan.
    """
    dataset = checkpoint.plan["dataset"]
    return Exposure(
        name, frozenset(p if "/" in p else f"{dataset}/{p}" for p in checkpoint.patients_seen),
        {patient: frozenset(names) for patient, names in checkpoint.names_seen.items()}, checkpoint.images_seen,
    )


def stored_names(exposure: Exposure) -> dict[str, tuple[str, ...]]:
    """The names of an exposure as a checkpoint stores them."""
    return {patient: tuple(sorted(exposure.names[patient])) for patient in sorted(exposure.names)}
