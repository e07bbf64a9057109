"""Where the probe chooses the weights that pretraining ends with: what is kept, and whose outcomes chose it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TypedDict

from rnnet.core.codec import digest_of
from rnnet.core.files import atomic_path
from rnnet.core.log import get_logger
from rnnet.experiment.probe_lesions import ProbeLesions
from rnnet.training.checkpoint import read_checkpoint
from rnnet.training.probe import Probe
from rnnet.training.state import FitState

log = get_logger(__name__)


class Steering(TypedDict):
    """The fields of a checkpoint that say whose outcomes chose its weights."""

    steered_by: tuple[str, ...]
    steered_scans: tuple[str, ...]


def steering_of(probe: Probe | None, lesions: ProbeLesions | None) -> Steering:
    """Patients and scans of the probe's lesions if it may stop pretraining; none if it only draws its curve."""
    if probe is None or lesions is None or not probe.patience:
        return Steering(steered_by=(), steered_scans=())
    patients = {case.patient_id for case in lesions.cases} | lesions.exposure.patients
    return Steering(steered_by=tuple(sorted(patients)), steered_scans=tuple(sorted(lesions.exposure.images)))


def probe_digest(probe: Probe | None, lesions: ProbeLesions | None) -> dict[str, str]:
    """The outcomes that choose the weights, as an input of the run: a resumed run must have the same."""
    if probe is None or lesions is None or not probe.patience:
        return {}
    return {"probe lesions": digest_of([(case.case_id, case.outcome) for case in lesions.cases])}


def keep_best(state: FitState, best: Path, final: Path) -> bool:
    """Make the best weights of a finished run, at `best`, its final ones; False where no probe has marked a best."""
    scored = [row for row in state.history if "is_best" in row]
    marked = [row for row in scored if row["is_best"]]
    if not marked:
        return False
    with atomic_path(final) as temporary:
        shutil.copyfile(best, temporary)
    # Of the weights themselves: a run that died may have written them after its last checkpoint to resume from, and
    # what it learned again need not reach them on a GPU or with other processes.
    kept = read_checkpoint(best, made_by="rnnet_pretrain", lazy=True).state.history[-1]
    log.info(
        "The weights of epoch %d of %d are kept: the best probe AUC, %.3f, of %d probes. The outcomes of the probe's "
        "lesions chose them, which the checkpoint records.",
        kept["epoch"], state.epoch, kept["probe_auc"], len(scored),
    )
    if kept["probe_auc"] != marked[-1]["probe_auc"]:
        log.info("They were learned before the run was interrupted; learned again, the best was %.3f, of epoch %d.",
                 marked[-1]["probe_auc"], marked[-1]["epoch"])
    return True
