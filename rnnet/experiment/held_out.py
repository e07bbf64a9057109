"""Was this made while the same patients were held out as now? Asked of fingerprints and plans."""

from __future__ import annotations

from pathlib import Path

from rnnet.core.codec import artefact_inputs, digest_of
from rnnet.core.errors import StaleArtefactError
from rnnet.core.layouts import plan_option
from rnnet.core.workspace import Workspace
from rnnet.dataset.splits import read_test_patients
from rnnet.experiment.access import raw_scans

_INPUT = "held_out_patients"


def held_out_input(workspace: Workspace, name: str) -> dict[str, str]:
    """The digest of the held-out patients of a data set, of cases.csv and of splits_final.json, as an input."""
    return {_INPUT: digest_of(sorted({s.patient_id for s in raw_scans(workspace, name) if s.split == "test"}))}


def check_fingerprint(workspace: Workspace, name: str) -> None:
    """Return if the fingerprint of a data set was measured while the same patients were held out as now.

    Raises:
        MissingStageError: there is none.
        StaleArtefactError: others were held out, so that it may describe a test patient.
    """
    path = workspace.preprocessed_dataset(name).fingerprint_json
    if not _is_current(workspace, name, path, f"rnnet_extract_fingerprint -d {name}"):
        raise StaleArtefactError(
            f"The fingerprint of {name} was measured when other patients were held out for test.", where=path,
            fix=f"Run rnnet_extract_fingerprint -d {name} again.",
        )


def check_plan(workspace: Workspace, name: str, plan_name: str, *, allow_leakage: bool = False) -> tuple[str, ...]:
    """The allowed leaks of a plan: none if it was made while the same patients were held out as now.

    Raises:
        MissingStageError: there is no such plan.
        StaleArtefactError: others were held out, so that a test patient may have shaped it, unless `allow_leakage`.
    """
    path = workspace.preprocessed_dataset(name).plans_json(plan_name)
    if _is_current(workspace, name, path, "rnnet_plan_experiment"):
        return ()
    problem = f"The plan {path.name} of {name} was made when other patients were held out for test."
    if allow_leakage:
        return (problem,)
    chosen = plan_option(plan_name)
    raise StaleArtefactError(
        problem, where=path,
        fix=f"Run rnnet_plan_and_preprocess -d {name}{chosen} again (preprocessed scans are kept).",
    )


def _is_current(workspace: Workspace, name: str, path: Path, made_by: str) -> bool:
    recorded = artefact_inputs(path, made_by=made_by).get(_INPUT)
    if recorded is None:  # of an older version, which knew no test patients but those of cases.csv
        return not read_test_patients(workspace.preprocessed_dataset(name).splits_json)
    return recorded == held_out_input(workspace, name)[_INPUT]
