"""Radiomic features of a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnet.core.workspace import DEFAULT_PLAN, Workspace

if TYPE_CHECKING:
    from rnnet.features.extraction import ExtractionReport
    from rnnet.planning.plan import ExperimentPlan


def extract_radiomics(
    workspace: Workspace,
    dataset: int | str,
    *,
    preset: str = "",
    plan_name: str = DEFAULT_PLAN,
    plan_of: int | str | None = None,
    export: int = 0,
    n_processes: int = 1,
) -> tuple[ExtractionReport, list[str]]:
    """Radiomics of every lesion of a preprocessed data set, labelled or not; what is there already is not redone.

    preset: first give the stored plan the fields of this preset, so that training uses what was extracted; without one
    the plan's own fields are used. plan_of: the data set whose plan the scans were preprocessed under, if not the same
    one. export: write so many lesions as files for pyradiomics' own command line; returns its commands beside the
    report.
    """
    from rnnet.core.types import NO_LESION
    from rnnet.experiment.access import read_plan_of, read_raw, store_of
    from rnnet.experiment.corpus import open_corpus
    from rnnet.features.extraction import export_for_pyradiomics, no_lesion_error, write_extraction
    from rnnet.features.lesions import lesion_radiomics_rows
    from rnnet.features.presets import preset_of

    name = workspace.dataset_name(dataset)
    owner = name if plan_of is None else workspace.dataset_name(plan_of)
    plan = _with_preset(workspace, owner, plan_name, preset) if preset else read_plan_of(workspace, owner, plan_name)
    store = store_of(workspace, name, plan)
    lesions = [c for c in read_raw(workspace, name, n_processes=n_processes).cases if c.lesion_value != NO_LESION]
    corpus = open_corpus({name: lesions}, {name: store}, plan.crop)
    rows = lesion_radiomics_rows(corpus.cases, corpus, store, plan, n_processes=n_processes)
    layout = workspace.results_dataset(name, plan_name).radiomics
    report = write_extraction(layout, rows, corpus, plan, preset=preset_of(plan))
    if len(report.refused) == len(rows):
        raise no_lesion_error(name, report)
    refused = {case_id for case_id, _ in report.refused}
    chosen = [case for case in corpus.cases if case.case_id not in refused][:export]
    return report, export_for_pyradiomics(layout, chosen, corpus, plan)


def _with_preset(workspace: Workspace, name: str, plan_name: str, preset: str) -> ExperimentPlan:
    """The stored plan with the preset, and its page."""
    from rnnet.core.codec import read_artefact
    from rnnet.features.stored_preset import store_preset
    from rnnet.fusion.blocks import USES_RADIOMICS
    from rnnet.planning.fingerprint import DatasetFingerprint
    from rnnet.reporting.plan_page import write_plan_page

    plan = store_preset(workspace, name, plan_name, preset, configs=USES_RADIOMICS)
    layout = workspace.preprocessed_dataset(name)
    if layout.fingerprint_json.is_file():
        fingerprint = read_artefact(layout.fingerprint_json, DatasetFingerprint, made_by="rnnet_extract_fingerprint")
        write_plan_page(layout.plan_html(plan_name), plan, fingerprint)
    return plan
