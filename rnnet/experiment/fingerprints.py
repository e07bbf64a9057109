"""Fingerprints of data sets that are compared: read where they are current, measured where they are not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rnnet.core.codec import artefact_inputs, read_artefact, write_artefact
from rnnet.core.errors import FileFormatError, MissingStageError
from rnnet.core.log import get_logger
from rnnet.core.workspace import Workspace
from rnnet.dataset.case import RawDataset, table_digests
from rnnet.experiment.access import read_raw
from rnnet.experiment.held_out import held_out_input
from rnnet.planning.center_distance import Comparison, compare, compare_centers
from rnnet.planning.center_measures import measure_samples
from rnnet.planning.center_samples import clinical_samples, joined, pooled
from rnnet.planning.fingerprint import DatasetFingerprint, extract_fingerprint

log = get_logger(__name__)
_COMMAND = "rnnet_extract_fingerprint"


def store_fingerprint(workspace: Workspace, name: str, *, n_processes: int) -> tuple[DatasetFingerprint, Path]:
    """Measure a raw data set and store its fingerprint; returns both.

    Raises:
        DatasetError: the raw data set cannot be read, or no scan can be measured.
    """
    path = workspace.preprocessed_dataset(name).fingerprint_json
    measured = extract_fingerprint(read_raw(workspace, name, n_processes=n_processes), n_processes=n_processes)
    write_artefact(path, measured, inputs=_inputs(workspace, name))
    return measured, path


def current_fingerprint(workspace: Workspace, name: str, *, n_processes: int) -> DatasetFingerprint:
    """The stored fingerprint if it was made from these tables and this test split; otherwise a new one is stored.

    Raises:
        DatasetError: the raw data set cannot be read, or no scan can be measured.
    """
    path = workspace.preprocessed_dataset(name).fingerprint_json
    try:
        if artefact_inputs(path, made_by=_COMMAND) == _inputs(workspace, name):
            return read_artefact(path, DatasetFingerprint, made_by=_COMMAND)
        reason = "its tables or its test split have changed"
    except MissingStageError:
        reason = "it has no fingerprint yet"
    except FileFormatError as error:
        reason = str(error)
    log.info("%s is measured: %s.", name, reason.rstrip("."))
    return store_fingerprint(workspace, name, n_processes=n_processes)[0]


def _inputs(workspace: Workspace, name: str) -> dict[str, str]:
    """Digests of what a fingerprint depends on beside the images."""
    return {**table_digests(workspace.raw_dataset(name)), **held_out_input(workspace, name)}


def compare_fingerprints(prints: Sequence[DatasetFingerprint]) -> list[Comparison]:
    """The centres inside each data set, and each further data set with the first one."""
    found = [c for p in prints for c in compare_centers(p.samples, dataset=p.dataset)]
    first, *others = prints
    whole = pooled(first.samples.values())
    return found + [compare(p.dataset, pooled(p.samples.values()), first.dataset, whole) for p in others]


def distance_from_training(
    workspace: Workspace, training: str, external: RawDataset, *, n_processes: int
) -> Comparison:
    """How far the labelled cases of an external data set, of both splits as they are evaluated, lie from training.

    Their clinical values are compared as well: nothing is fitted to them.
    """
    ours = current_fingerprint(workspace, training, n_processes=n_processes)
    evaluated = external.labelled()
    if {c.case_id for c in evaluated} == _described(external):
        theirs = current_fingerprint(workspace, external.name, n_processes=n_processes).samples
    else:
        theirs = measure_samples(external, evaluated, n_processes=n_processes)
    clinical = clinical_samples(evaluated, external.manifest)
    comparison = compare(
        external.name, joined(pooled(theirs.values()), clinical),
        f"the training data ({training})", pooled(ours.samples.values()),
    )
    if comparison.warning:
        log.warning("%s", comparison.warning)
    return comparison


def _described(dataset: RawDataset) -> set[str]:
    """The cases that a fingerprint describes: of the training split if there is one, else all."""
    has_training = any(scan.split == "train" for scan in dataset.scans)
    return {case.case_id for case in dataset.cases if case.split == "train" or not has_training}
