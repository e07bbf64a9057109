"""What pretraining is about to see, compared with what its data sets hold out."""

from __future__ import annotations

from collections.abc import Sequence

from rnnet.core.workspace import Workspace
from rnnet.dataset.leakage import Exposure, check_apart, warn_of_leaks
from rnnet.experiment.access import raw_exposure, raw_scans, store_of
from rnnet.experiment.corpus import Corpus
from rnnet.experiment.held_out import check_plan
from rnnet.planning.plan import ExperimentPlan


def check_pretraining(
    workspace: Workspace, names: Sequence[str], plan: ExperimentPlan, corpus: Corpus, *, allow_leakage: bool = False
) -> tuple[Exposure, tuple[str, ...]]:
    """What the corpus of the data sets shows pretraining, and the allowed leaks.

    Raises:
        LeakageError: a patient or image of a test split of these data sets is in it, unless `allow_leakage`.
        StaleArtefactError: the plan was made when other patients were held out, unless `allow_leakage`.
    """
    used: dict[str, set[str]] = {name: set() for name in names}
    for case in corpus.cases:
        used[case.patient_id.partition("/")[0]].add(case.scan_id)
    seen = Exposure("pretraining")
    held_out = []
    for name in names:
        scans, store = raw_scans(workspace, name), store_of(workspace, name, plan)
        layout = workspace.raw_dataset(name)
        seen |= raw_exposure(layout, store, seen.name, [s for s in scans if s.scan_id in used[name]])
        test = [s for s in scans if s.split == "test"]
        held_out.append(raw_exposure(layout, store, f"the test split of {name}", test))
    leaks: tuple[str, ...] = ()
    if workspace.preprocessed_dataset(names[0]).plans_json(plan.name).is_file():  # a plan that is not stored is new
        leaks = check_plan(workspace, names[0], plan.name, allow_leakage=allow_leakage)
    warn_of_leaks(leaks)
    leaks += check_apart(
        [(seen, test) for test in held_out], allow_leakage=allow_leakage,
        fix="Leave these patients out of the other data set, or hold them out there as well.",
    )
    return seen, leaks
