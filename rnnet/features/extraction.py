"""The radiomics of a data set in its results: features, reasons, pyradiomics' parameters, and files to check them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnet.core.codec import write_artefact
from rnnet.core.errors import RnnetError
from rnnet.core.files import text_digest, write_text
from rnnet.core.provenance import make_run_record
from rnnet.core.radiomics_layout import RadiomicsLayout
from rnnet.core.types import LesionCase
from rnnet.core.volume import write_volume
from rnnet.experiment.corpus import Corpus
from rnnet.features.diagnostics import write_diagnostics
from rnnet.features.radiomics import RadiomicsExtractor, RadiomicsInput
from rnnet.features.radiomics_cache import radiomics_digest
from rnnet.features.radiomics_rows import RadiomicsRow
from rnnet.features.radiomics_settings import parameters_text
from rnnet.features.table import FeatureTable, write_table
from rnnet.planning.plan import ExperimentPlan


@dataclass(frozen=True, slots=True)
class ExtractionReport:
    """What rnnet_extract_radiomics made.

    preset: '' where the plan has the settings of none. refused: (case id, reason) of the lesions without radiomics,
    whose rows hold no value. missing: lesions whose scans are not preprocessed; they have no row.
    """

    layout: RadiomicsLayout
    preset: str
    n_features: int
    n_lesions: int
    refused: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]


def write_extraction(
    layout: RadiomicsLayout, rows: Sequence[RadiomicsRow], corpus: Corpus, plan: ExperimentPlan, *, preset: str
) -> ExtractionReport:
    """Write radiomics.csv (a row for every lesion), diagnostics.csv, pyradiomics.yaml and run.json."""
    names = RadiomicsExtractor(plan.features).names
    values = np.stack([row.values for row in rows]) if rows else np.empty((0, len(names)))
    write_table(layout.radiomics_csv, FeatureTable(tuple(row.case_id for row in rows), names, values))
    write_diagnostics(layout.diagnostics_csv, rows)
    text = parameters_text(plan.features, name=layout.parameters_yaml.name)
    write_text(layout.parameters_yaml, text)
    inputs = {
        "plan": plan.name, "preset": preset or "none", "parameters": text_digest(text),
        "settings": radiomics_digest(plan.features), "lesions": str(len(rows)),
    }
    write_artefact(layout.run_json, make_run_record("rnnet_extract_radiomics", seed=plan.seed, inputs=inputs))
    refused = tuple((row.case_id, row.warning) for row in rows if row.warning)
    return ExtractionReport(layout, preset, len(names), len(rows), refused, tuple(c.case_id for c in corpus.missing))


def export_for_pyradiomics(
    layout: RadiomicsLayout, cases: Sequence[LesionCase], corpus: Corpus, plan: ExperimentPlan
) -> list[str]:
    """Write each lesion's whole scan and mask as pyradiomics' command line takes them; returns the commands.

    The image is float64: pyradiomics then computes on the same numbers as rnnet, to the last bit.
    """
    commands = []
    written: set[str] = set()
    for case in cases:
        image, mask = layout.exported_image(case.scan_id), layout.exported_mask(case.case_id)
        scan = corpus.scan_of(case)
        lesion = scan.lesions == corpus.originals[case.case_id].lesion_value
        grid = scan.on_atlas_grid(scan.image)
        if case.scan_id not in written:
            scale = 1.0 if plan.features.normalize == "image" else plan.features.normalize_scale
            write_volume(image, RadiomicsInput(grid, grid).grey_values(scale))
            written.add(case.scan_id)
        write_volume(mask, grid.with_array(lesion.astype(np.uint8)))
        commands.append(f"pyradiomics {image} {mask} --param {layout.parameters_yaml} --format csv")
    return commands


def no_lesion_error(name: str, report: ExtractionReport) -> RnnetError:
    """The error of a data set without a single lesion that has radiomics."""
    first = f"{report.refused[0][0]}: {report.refused[0][1]}" if report.refused else "No lesion is preprocessed."
    return RnnetError(f"No lesion of {name} has radiomics. {first}", where=report.layout.diagnostics_csv)
