"""From a folder of new scans to predictions.csv and predictions.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rnnet.core.codec import to_plain
from rnnet.core.errors import CaseFailedError, RnnetError, SettingError
from rnnet.core.files import write_text
from rnnet.core.provenance import make_run_record
from rnnet.core.types import LesionCase
from rnnet.core.workspace import ScanStoreLayout
from rnnet.experiment.corpus import Corpus, open_corpus
from rnnet.features.lesions import lesion_radiomics
from rnnet.fusion.blocks import CLINICAL, blocks_of, blocks_text
from rnnet.inference.bundle import BundlePredictions, ModelBundle
from rnnet.inference.inputs import read_new_scans
from rnnet.inference.rows import PredictionRow, prediction_rows, write_rows
from rnnet.inference.strippers import warn_of_strippers
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.runner import PreprocessReport, preprocess_dataset
from rnnet.preprocessing.skull_strip.record import strippers_in
from rnnet.preprocessing.store import ScanStore


@dataclass(frozen=True, slots=True, eq=False)
class PredictionResult:
    """What rnnet_predict made: rows by lesion, files, and what failed."""

    rows: tuple[PredictionRow, ...]
    csv_path: Path
    corpus: Corpus
    cases: tuple[LesionCase, ...]
    report: PreprocessReport
    pictures: tuple[Path, ...] = field(default=())


def predict_new_scans(
    bundle: ModelBundle, *, images: Path, masks: Path, output: Path, clinical_table: Path | None, atlas: Atlas,
    weights_folder: Path | None, n_processes: int, brain_masks: Path | None = None,
) -> PredictionResult:
    """Preprocess the scans exactly as in training, predict every lesion, write predictions.csv and .json.

    The preprocessed scans stay in output/preprocessed, so that a second run goes on where the first stopped.

    Raises:
        SettingError: the configuration reads the clinical table alone, and none was given.
        CaseFailedError: not one lesion could be predicted.
    """
    if clinical_table is None and blocks_of(bundle.config) == (CLINICAL,):
        raise SettingError(f"'{bundle.config}' predicts from clinical data alone, and there is no table.",
                           fix="Give it with --clinical, or use another configuration.")
    dataset, failures = read_new_scans(
        images, masks, clinical_table, bundle.manifest, brain_masks=brain_masks
    )
    store = ScanStore(ScanStoreLayout(output / "preprocessed" / bundle.plan.data_identifier))
    # The declared state belongs to the training scans; new scans are looked at one by one.
    dataset = replace(dataset, manifest=replace(dataset.manifest, preprocessed=None))
    report = preprocess_dataset(
        dataset, plan=bundle.plan.preprocessing, atlas=atlas, store=store, n_processes=n_processes,
        weights_folder=weights_folder,
    )
    corpus, lesion_failures = _readable(dataset.cases, store, bundle)
    report = replace(report, failed=(*failures, *report.failed, *lesion_failures), failures_json=None)
    if not corpus.cases:
        raise CaseFailedError("No lesion could be predicted.", where=images, fix=str(next(iter(report.failed), "")))
    radiomics = None
    if bundle.needs_radiomics:
        radiomics = lesion_radiomics(corpus.cases, corpus, store, bundle.plan, n_processes=n_processes)
    said = bundle.predict(corpus.cases, corpus.read, radiomics)
    warnings = bundle.warnings(corpus.cases, radiomics, said)
    changes = warn_of_strippers(bundle.skull_strippers, store, [case.scan_id for case in corpus.cases])
    for case in corpus.cases:
        own = (*corpus.read(case).warnings, *store.read_record(case.scan_id).warnings, *changes[case.scan_id])
        warnings[case.case_id] = tuple(dict.fromkeys((*warnings.get(case.case_id, ()), *own)))
    rows = prediction_rows(bundle, corpus.cases, said, warnings)
    csv_path = output / "predictions.csv"
    write_rows(csv_path, rows)
    _write_json(output / "predictions.json", bundle, rows, said, strippers_in(store, (r.scan_id for r in rows)))
    return PredictionResult(rows, csv_path, corpus, corpus.cases, report)


def _readable(
    cases: Sequence[LesionCase], store: ScanStore, bundle: ModelBundle
) -> tuple[Corpus, list[CaseFailedError]]:
    """The corpus of the lesions whose crop can be made, and the others' failures."""
    corpus = open_corpus({"new scans": cases}, {"new scans": store}, bundle.plan.crop, empty_allowed=True)
    kept, failures = [], []
    for case in corpus.cases:
        try:
            corpus.read(case)
            kept.append(case)
        except RnnetError as error:
            failures.append(CaseFailedError(f"{case.case_id}: {error.problem}", where=error.where, fix=error.fix))
    return replace(corpus, cases=tuple(kept)), failures


def _write_json(
    path: Path, bundle: ModelBundle, rows: Sequence[PredictionRow], said: BundlePredictions,
    strippers: Mapping[str, int],
) -> None:
    document = {
        "schema_version": 1, "dataset": bundle.dataset, "configuration": bundle.config, "plan": bundle.plan.name,
        "positive_outcome": bundle.plan.positive_outcome, "decision_rule": to_plain(bundle.decision),
        "decision_rules_by_inputs": {blocks_text(b): to_plain(d) for b, d in bundle.part_decisions.items()},
        "folds": list(said.folds), "lesions": to_plain(rows),
        "skull_strippers": {"training": list(bundle.skull_strippers), "new scans": dict(strippers)},
        "run": to_plain(make_run_record("rnnet_predict", seed=bundle.plan.seed)),
    }
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
