"""The labelled lesions that the online probe of pretraining may look at: those that one fold trains on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rnnet.core.errors import RnnetError
from rnnet.core.types import NO_LESION, LesionCase
from rnnet.core.workspace import Workspace
from rnnet.dataset.leakage import Exposure
from rnnet.dataset.splits import fold_of, read_splits_and_leaks
from rnnet.experiment.access import raw_exposure, read_raw, store_of
from rnnet.experiment.corpus import Corpus, qualified
from rnnet.experiment.label_share import LabelShare
from rnnet.experiment.split_dataset import people_of
from rnnet.planning.plan import ExperimentPlan


@dataclass(frozen=True, slots=True)
class ProbeLesions:
    """Lesions of the pretraining corpus whose outcome the probe may read.

    Attributes:
        cases: labelled, with the ids of the corpus and one patient id for each person.
        exposure: their patients, other names and images, for the guard against leakage.
        reason: why there are none; empty where there are some, or where the plan wants no probe.
    """

    cases: tuple[LesionCase, ...] = ()
    exposure: Exposure = field(default_factory=lambda: Exposure("the probe of pretraining"))
    reason: str = ""


def probe_lesions(workspace: Workspace, name: str, plan: ExperimentPlan, corpus: Corpus) -> ProbeLesions:
    """The labelled lesions of `name`, the first data set, that the fold plan.pretrain.probe.fold trains on.

    Those of the plan's share of the labels. Only lesions that pretraining sees anyway, so none of a patient whom any of
    its data sets holds out. Patients of the fold's validation part and of the test split are taken out once more here,
    so that splits that leak, and leakage that was allowed, do not let them in either.

    Raises:
        SettingError: the splits do not have the plan's fold.
    """
    if plan.pretrain.probe.every_epochs < 1:
        return ProbeLesions()
    path = workspace.preprocessed_dataset(name).splits_json
    if not path.is_file():
        return ProbeLesions(reason=f"{name} has no splits")
    raw = read_raw(workspace, name)
    try:
        folds, _ = read_splits_and_leaks(path, raw.cases, allow_leakage=True)
    except RnnetError as error:
        return ProbeLesions(reason=f"the splits of {name} cannot be used: {error.problem.rstrip('.')}")
    fold = fold_of(folds, plan.pretrain.probe.fold)
    validated = set(fold.validation_case_ids)
    person_of = people_of(raw)
    forbidden = {person_of[c.patient_id] for c in raw.cases if c.split == "test" or c.case_id in validated}
    store = store_of(workspace, name, plan)
    ids, present = set(fold.train_case_ids), set(store.scan_ids())
    trained = [c for c in raw.cases if c.case_id in ids and c.scan_id in present]
    members = {
        qualified(name, c.case_id): c for c in LabelShare(plan.finetune.label_share, plan.seed).of(trained)
        if c.outcome is not None and person_of[c.patient_id] not in forbidden
    }
    cases = tuple(
        replace(c, patient_id=qualified(name, person_of[members[c.case_id].patient_id]))
        for c in corpus.cases if c.case_id in members and c.lesion_value != NO_LESION
    )
    if not cases:
        return ProbeLesions(reason=f"no labelled lesion that fold {fold.index} of {name} trains on is pretrained on")
    scan_ids = {members[c.case_id].scan_id for c in cases}
    exposure = raw_exposure(
        raw.layout, store, f"the probe of pretraining, on fold {fold.index} of {name},",
        (s for s in raw.scans if s.scan_id in scan_ids),
    )
    return ProbeLesions(cases, exposure)
