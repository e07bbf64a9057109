"""One page on what a data set looks like and what the planner made of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnnet.core.files import write_text
from rnnet.planning.center_distance import compare_centers
from rnnet.planning.clinical_summary import ClinicalSummary
from rnnet.planning.fingerprint import CenterSummary, DatasetFingerprint
from rnnet.planning.histogram import Histogram
from rnnet.planning.plan import USER_RULE, ExperimentPlan
from rnnet.planning.planner import plan_reasons_table
from rnnet.planning.quantiles import Quantiles
from rnnet.reporting.charts import chart_grid, histogram, legend, share_bar
from rnnet.reporting.css import FIGURES
from rnnet.reporting.distances import DISTANCE_NOTE, distance_rows
from rnnet.reporting.document import document, page_body, tile
from rnnet.reporting.markup import Html, bullet_list, data_table, element, joined
from rnnet.reporting.tables import plain_outcome

_AXES = ("z", "y", "x")
_STYLE = """
main, header.top { max-width: 1120px; } p.meta { max-width: none; }
table.plan td:nth-child(3) { width: 42%; } table.plan td:nth-child(4) { color: var(--muted); }
table.figures .bar { width: 150px; }
"""


def write_plan_page(path: Path, plan: ExperimentPlan, fingerprint: DatasetFingerprint) -> None:
    """Write the page of a plan and of the data set that it was made for at `path`."""
    n_set = sum(c.rule == USER_RULE for c in plan.rationale)
    by_user = f" · {n_set} field{'' if n_set == 1 else 's'} set by the user" if n_set else ""
    body = page_body(
        eyebrow="rnnet data set and plan", title=fingerprint.dataset,
        meta=f"plan {plan.name} · planner '{plan.planner}' · positive class: {plain_outcome(plan.positive_outcome)}"
             f"{by_user}",
        top=_tiles(fingerprint),
        sections=[
            ("plan", "What was planned, and why", _reasons(plan)),
            ("grids", "Scans", _grids(fingerprint)),
            ("intensities", "Intensities", _intensities(fingerprint)),
            ("lesions", "Lesions", _lesions(fingerprint)),
            ("classes", "Classes", _classes(fingerprint)),
            ("clinical", "Clinical values", _clinical(fingerprint.clinical)),
            ("centres", "Centres compared", _centers(fingerprint)),
            ("left-out", f"Not measured ({len(fingerprint.failed)})", _failed(fingerprint.failed)),
        ],
        footer=_footer(fingerprint),
    )
    write_text(path, document(f"{fingerprint.dataset}: data set and plan", body, style=FIGURES + _STYLE))


def _tiles(f: DatasetFingerprint) -> Html:
    test = f"{f.n_test_scans} test scans with {f.n_test_lesions} lesions, not looked at"
    size = f.lesions.axial_diameter_mm
    tiles = [
        tile("Patients", f.n_patients, f"{len(f.centers)} centre{'' if len(f.centers) == 1 else 's'}"),
        tile("Scans", f.n_scans, test if f.described == "training" else "all scans; there is no training split"),
        tile("Lesions", f.n_cubes, f"{f.n_labelled} with a known outcome"),
    ]
    if size is not None:
        tiles.append(tile("Median diameter", f"{size.median:.1f} mm", f"axial; 5 to 95 %: {size.p05:.1f} to "
                                                                      f"{size.p95:.1f} mm"))
    return element("div", *tiles, class_="tiles")


def _reasons(plan: ExperimentPlan) -> Html:
    rows = []
    for (field, value, rule, inputs), choice in zip(plan_reasons_table(plan), plan.rationale, strict=True):
        why: object = element("span", rule, class_="yours") if choice.rule == USER_RULE else rule
        rows.append((element("code", field), element("b", value), why, inputs.replace("_", " ").replace("=", " = ")))
    return joined([
        element("p", "Fields that are not listed have rnnet's defaults. Any field can be changed with --set; then it "
                     "is marked here."),
        data_table(("Field", "Value", "Why", "From"), rows, kind="plan"),
    ])


def _grids(f: DatasetFingerprint) -> Html:
    spacing, shape = f.histograms.spacing_zyx_mm, f.histograms.shape_zyx_vox
    charts = [_chart(f"Spacing along {a}", "mm", h, "scans") for a, h in zip(_AXES, spacing, strict=True)]
    charts += [_chart(f"Voxels along {a}", "voxels", h, "scans") for a, h in zip(_AXES, shape, strict=True)]
    state = f.state
    facts = [
        ("Axes as stored (x, y, z)", ", ".join(f"{name}: {n}" for name, n in f.geometry.orientations.items())),
        ("Declared as registered", "yes" if state.declared_registered else "no"),
        ("Declared as skull-stripped", "yes" if state.declared_skull_stripped else "no"),
        ("Scans that look skull-stripped", f"{state.n_looking_skull_stripped} of {f.n_scans}"),
        ("Scans on the atlas's grid", f"{state.n_with_sri24_shape} of {f.n_scans}"),
    ]
    return joined([chart_grid(charts), data_table((), facts, kind="facts")])


def _intensities(f: DatasetFingerprint) -> Html:
    by_center = f.histograms.foreground_mean
    if not by_center:
        return Html("")
    first = next(iter(by_center.values()))
    chart = histogram(
        "Mean intensity of the foreground", "units of the scans", first.edges,
        {center: h.counts for center, h in by_center.items()}, logarithmic=first.logarithmic,
        note="One value a scan. Different ranges are usual for different scanners; the z-score takes them away.",
    )
    rows: list[tuple[str, Quantiles | None]] = [
        ("Foreground mean", f.intensity.foreground_mean), ("Foreground SD", f.intensity.foreground_sd),
        ("Lesion minus foreground, in SD", f.intensity.lesion_contrast_sd),
        ("Range inside a lesion, in SD", f.intensity.lesion_range_sd),
    ]
    return joined([
        chart_grid([chart]), legend([f"centre {c}" for c in by_center]), _quantile_table(rows),
    ])


def _lesions(f: DatasetFingerprint) -> Html:
    shown = (
        ("Longest axial diameter", "mm", f.histograms.lesion_axial_diameter_mm, "lesions"),
        ("Volume", "mm³", f.histograms.lesion_volume_mm3, "lesions"),
        ("Lesions on a scan", "lesions", f.histograms.lesions_per_scan, "scans"),
    )
    charts = [_chart(title, unit, h, of) for title, unit, h, of in shown if h is not None]
    rows = [
        ("Longest axial diameter (mm)", f.lesions.axial_diameter_mm), ("Longest edge of the box (mm)",
                                                                       f.lesions.extent_mm),
        ("Volume (mm³)", f.lesions.volume_mm3), ("On a scan", f.lesions.per_scan),
        ("Of a patient", f.lesions.per_patient),
    ]
    return joined([chart_grid(charts), _quantile_table(rows)])


def _classes(f: DatasetFingerprint) -> Html:
    # The colours of the report's figures: the negative outcome blue, the positive one orange.
    outcomes = [o for o in (f.negative_outcome, f.positive_outcome) if f.lesion_outcomes.get(o)]
    outcomes += [o for o in f.lesion_outcomes if o not in outcomes]
    if not outcomes:
        return element("p", "No outcome of a training lesion is known.", class_="empty")
    everyone = CenterSummary(f.n_patients, f.n_scans, f.n_cubes, f.lesion_outcomes, f.patient_outcomes)
    rows = []
    for name, c in (("all", everyone), *f.centers.items()):
        lesions, patients = ([counts.get(o, 0) for o in outcomes] for counts in (c.outcomes, c.patient_outcomes))
        rows.append((name if name == "all" else f"centre {name}", c.n_patients, *patients, share_bar(patients),
                     c.n_lesions, *lesions, share_bar(lesions)))
    names = [plain_outcome(o) for o in outcomes]
    header = ("", "patients", *names, "", "lesions", *names, "")
    return joined([
        legend(names), data_table(header, rows, kind="figures"),
        element("p", "A patient with lesions of both outcomes counts for both. Lesions without a known outcome are in "
                     "the totals only.", class_="subtitle"),
    ])


def _clinical(columns: Mapping[str, ClinicalSummary]) -> Html:
    if not columns:
        return Html("")
    rows = []
    for name, c in columns.items():
        if c.type == "categorical":
            text = ", ".join(f"{k}: {n}" for k, n in c.categories.items())
        else:
            v = c.values
            text = "–" if v is None else f"median {v.median:.4g}, from {v.minimum:.4g} to {v.maximum:.4g} {c.unit}"
        missing: object = f"{c.missing_share:.0%}"
        rows.append((name, c.type, element("span", missing, class_="yours") if c.missing_share > 0.2 else missing,
                     text))
    return data_table(("Column", "Type", "Missing", "Values in the training split"), rows)


def _centers(f: DatasetFingerprint) -> Html:
    comparisons = compare_centers(f.samples)
    if not comparisons:
        return Html("")
    rows = [(*row[:-1], element("span", row[-1], class_="yours") if row[-1] else "")
            for row in distance_rows(comparisons)]
    return joined([
        data_table(("", "Quantity", "Distance", "p", "Patients", ""), rows),
        element("p", DISTANCE_NOTE, class_="subtitle"),
    ])


def _failed(failed: Mapping[str, str]) -> Html:
    return data_table(("Scan or lesion", "Reason"), list(failed.items())) if failed else Html("")


def _chart(title: str, unit: str, h: Histogram, of: str) -> Html:
    note = f"{sum(h.counts):,} {of}" + ("; equal steps are equal factors" if h.logarithmic else "")
    return histogram(title, unit, h.edges, {of: h.counts}, note=note, logarithmic=h.logarithmic)


def _quantile_table(rows: list[tuple[str, Quantiles | None]]) -> Html:
    header = ("", "lowest", "5 %", "25 %", "median", "75 %", "95 %", "highest")
    cells: list[tuple[Any, ...]] = [
        (name, *(f"{v:.4g}" for v in (q.minimum, q.p05, q.p25, q.median, q.p75, q.p95, q.maximum)))
        for name, q in rows if q is not None
    ]
    return data_table(header, cells, kind="figures") if cells else Html("")


def _footer(f: DatasetFingerprint) -> Html:
    rest = ("the training split only; of the test split nothing but its numbers of scans and lesions was used"
            if f.described == "training" else "all scans; no outcome and no clinical value was used")
    return joined([
        element("p", f"Everything here describes {rest}."),
        bullet_list([
            "Axes z, y, x are those of the stored arrays; orientation letters say where they point.",
            "The foreground are the voxels above Otsu's threshold of each scan.",
        ]),
        element("p", "For research. Not a medical device."),
    ])
