"""What was made with the splits of a data set, and does not fit new ones."""

from __future__ import annotations

from rnnet.core.errors import MissingStageError, StaleArtefactError
from rnnet.core.workspace import Workspace
from rnnet.experiment.access import plan_files
from rnnet.experiment.held_out import check_fingerprint

# What was made, and what to do about it.
Stale = tuple[str, str]


def used_splits(workspace: Workspace, name: str) -> list[Stale]:
    """The splits of a data set, its plans, which have their number of folds, and its results.

    A fingerprint alone is made without splits, so that it is not among them.
    """
    layout = workspace.preprocessed_dataset(name)
    found = [("splits_final.json", "replaced")] if layout.splits_json.is_file() else []
    found += [(f"the plan {path.name}", _plan_again(name)) for path in plan_files(workspace, name)]
    results = workspace.results / name
    if results.is_dir():
        trained = sorted(p.name for p in results.iterdir() if p.is_dir())
        found += [(f"the results {folder}", _train_again(folder, name)) for folder in trained]
    return found


def stale_fingerprint(workspace: Workspace, name: str) -> list[Stale]:
    """The fingerprint, which describes the training split, if other patients are held out now."""
    try:
        check_fingerprint(workspace, name)
    except MissingStageError:
        return []
    except StaleArtefactError:
        return [("the fingerprint", f"other patients are held out now; {_plan_again(name)}")]
    return []


def _plan_again(name: str) -> str:
    return f"run rnnet_plan_and_preprocess -d {name} again (preprocessed scans are kept)"


def _train_again(folder: str, name: str) -> str:
    if folder.startswith("pretrain"):
        return f"if patients became test patients, run rnnet_pretrain -d {name} again; training refuses it otherwise"
    return f"delete {folder}, and make it again"
