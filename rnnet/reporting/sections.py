"""The sections of the report, each from values to HTML; an empty section is empty text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rnnet.core.codec import to_plain
from rnnet.core.provenance import RunRecord
from rnnet.evaluation.names import model_name
from rnnet.evaluation.summary import ModelSummary
from rnnet.planning.plan import ExperimentPlan, PreprocessingPlan
from rnnet.reporting.facts import SplitFacts
from rnnet.reporting.markup import Figure, Html, bullet_list, data_table, element, figure, joined
from rnnet.reporting.tables import by_subset, primary_config

LEAK_HEAD = "LEAKAGE, allowed by --allow_leakage. Figures below are not those of an independent test:"
_NOTHING = Html("")
_MOST_SETTINGS = 20
_NO_RULE = "splits_final.json does not say how they were made (by hand, or by an older version)"


def leak_notice(leaks: Sequence[str]) -> Html:
    """Above everything else: what the evaluated models have seen of what they are tested on."""
    if not leaks:
        return _NOTHING
    return element(
        "div", element("p", LEAK_HEAD), bullet_list(leaks, kind="plain"), class_="leaks", role="alert",
    )


def warning_notice(warnings: Sequence[str]) -> Html:
    """At the top as well: what a reader must know before believing the figures."""
    if not warnings:
        return _NOTHING
    head = element("p", element("b", f"Warnings ({len(warnings)})"))
    return element("div", head, bullet_list(warnings, kind="warnings plain"), class_="notice")


def tiles(summaries: Sequence[ModelSummary]) -> Html:
    """The AUC of one model on each subset, in large figures.

    Which model is fixed beforehand (multimodal, else ssl_vit, else the first), never the one with the best figures.
    """
    groups = by_subset(summaries)
    chosen = primary_config(s.config for group in groups for s in group)
    return element("div", *(_tile(s) for group in groups for s in group if s.config == chosen), class_="tiles")


def _tile(s: ModelSummary) -> Html:
    interval = s.intervals["auc"]
    bounds = f"{100 * interval.level:g} % CI {interval.low:.3f} to {interval.high:.3f}"
    no_width = interval.low == interval.high
    lesions = f"{s.counts.lesions_positive + s.counts.lesions_negative} lesions, {s.counts.patients} patients"
    return element(
        "div",
        element("div", s.subset_title, class_="name"),
        element("div", f"{interval.value:.3f}", class_="value"),
        element("div", f"AUC, {model_name(s.config)}", element("br"), bounds, element("br"), lesions,
                *((element("br"), "no width: see the note below Table 2") if no_width else ()),
                class_="range"),
        class_="tile",
    )


def attention(gallery: Sequence[Figure]) -> Html:
    """The gallery of attention pictures, with what they are and are not."""
    if not gallery:
        return _NOTHING
    text = ("Attention rollout: how strongly each part of the crop reaches the network's output through all layers. "
            "It shows where the network looked, not why it decided as it did.")
    return joined([element("p", text), element("div", *map(figure, gallery), class_="gallery")])


def data_set(facts: Mapping[str, Any]) -> Html:
    """Facts of the data set: single values in one table, then a table for each group."""
    single = {name: value for name, value in facts.items() if _is_value(value)}
    parts = [_facts_table(single)] if single else []
    for name, value in facts.items():
        if isinstance(value, Mapping):
            parts += [element("h3", name), _facts_table(value)]
        elif not _is_value(value) and value:
            parts += [element("h3", name), _row_table(value)]
    return joined(parts)


def _is_value(value: object) -> bool:
    return not isinstance(value, Mapping) and not (
        isinstance(value, list | tuple) and all(isinstance(v, Mapping) for v in value)
    )


def _facts_table(facts: Mapping[str, Any]) -> Html:
    return data_table((), [(name, _text(value)) for name, value in facts.items()], kind="facts")


def _row_table(rows: Sequence[Mapping[str, Any]]) -> Html:
    columns = list(rows[0])
    return data_table(columns, [[_text(row.get(c, "")) for c in columns] for row in rows])


def splits(found: SplitFacts | None, leaks: Sequence[str]) -> Html:
    """How the cases were split, what was found apart, and the size of each fold."""
    if found is None:
        return _NOTHING
    apart = joined([element("p", "Found apart by the audit that runs before training and evaluation:"),
                    bullet_list(found.checks, kind="plain")]) if found.checks else _NOTHING
    leaking = element("p", "Leaks were allowed; they stand at the top of this page.", class_="bad") if leaks else None
    return joined([
        element("p", f"Folds: {found.rule.rstrip('.') or _NO_RULE}. Lesions and scans of one patient are never "
                     "divided."),
        leaking, apart, _row_table(found.folds) if found.folds else None,
        element("p", "Calibration, threshold, selection of features and every other fit see training patients only; a "
                     "threshold comes from out-of-fold predictions."),
    ])


def digests(found: Sequence[tuple[str, str]]) -> Html:
    """Files and records that everything was made from."""
    if not found:
        return _NOTHING
    rows = [joined([element("span", name), element("code", digest)]) for name, digest in found]
    return joined([element("h3", "Digests"), element("p", "First 16 digits of SHA-256.", class_="subtitle"),
                   bullet_list(rows, kind="versions digests")])


def plan_choices(plan: ExperimentPlan, trained: Sequence[tuple[str, str, str, str]] = ()) -> Html:
    """Every value that a rule or the user chose, with the rule and its inputs; the whole plan folded away.

    trained: (field, value in training, value in the plan, models and folds) where a model was trained otherwise.
    """
    rows = [
        (element("code", c.path), _text(c.value), c.rule,
         joined(_with_breaks([f"{k} = {_text(v)}" for k, v in c.inputs.items()])))
        for c in plan.rationale
    ]
    whole = element("pre", element("code", json.dumps(to_plain(plan), indent=2, ensure_ascii=False)))
    return joined([
        element("p", f"Made by the planner '{plan.planner}' with seed {plan.seed}; {plan.n_folds} folds, grouped by "
                     f"patient. Values that are not listed are the plan's defaults."),
        data_table(("Field", "Value", "Why", "From"), rows, kind="plan") if rows else None,
        _trained_otherwise(trained),
        element("details", element("summary", "The whole plan"), whole),
    ])


def _trained_otherwise(trained: Sequence[tuple[str, str, str, str]]) -> Html:
    """Table of what models were trained with and the plan's file does not hold, by --set or by an older plan."""
    if not trained:
        return _NOTHING
    rows = [(element("code", path), element("b", value), planned, models) for path, value, planned, models in trained]
    return joined([
        element("h3", "Trained with other values than those of the plan's file"),
        data_table(("Field", "In training", "In the plan", "Models"), rows[:_MOST_SETTINGS], kind="plan"),
        element("p", f"And {len(rows) - _MOST_SETTINGS} more fields; facts.json lists them all.", class_="subtitle")
        if len(rows) > _MOST_SETTINGS else None,
    ])


def preprocessing(plan: ExperimentPlan, failures: Sequence[tuple[str, str]] | None) -> Html:
    """The steps in their order with the plan's values, and what could not be preprocessed (None: not known)."""
    steps = element("ol", *(element("li", s) for s in _steps(plan.preprocessing, plan)), class_="steps")
    if failures is None:
        return steps
    if not failures:
        return joined([steps, element("p", "No scan and no lesion failed.", class_="empty")])
    return joined([steps, element("h3", f"Could not be preprocessed ({len(failures)})"),
                   data_table(("Scan or lesion", "Reason"), failures)])


def _steps(pre: PreprocessingPlan, plan: ExperimentPlan) -> list[str]:
    n4, reg, norm, edge = pre.bias_field, pre.registration, pre.normalize, plan.crop.edge_vox
    when = {"auto": "unless the data set declares its scans registered", "always": "always", "never": "never"}[reg.mode]
    clipped = "" if (norm.lower_quantile, norm.upper_quantile) == (0.0, 1.0) else (
        f", after clipping at the quantiles {norm.lower_quantile:g} and {norm.upper_quantile:g} of the brain")
    return [
        "Reorientation to LPS.",
        f"Skull-stripping on the scan's own grid ({pre.skull_strip.stripper}); scans that are skull-stripped already "
        "are left as they are.",
        f"N4 bias-field correction inside the brain, estimated at shrink factor {n4.shrink_factor} with "
        f"{' + '.join(map(str, n4.iterations))} iterations." if n4.enabled else "No bias-field correction.",
        f"Rigid registration of the brain to {pre.atlas} by mutual information ({when}), then one "
        f"{reg.image_interpolation} interpolation onto the 1 mm atlas grid. Lesion masks by nearest neighbour.",
        f"z-score inside the brain, 0 outside{clipped}.",
        f"Crop of {edge} x {edge} x {edge} mm around each lesion ({plan.crop.center.replace('_', ' ')}), "
        f"channels {', '.join(plan.channels)}.",
    ]


def limitations(notes: Sequence[str]) -> Html:
    """The given limitations, and how intervals and thresholds are to be read."""
    general = (
        "Intervals show the sampling error of these patients with the models as trained. They do not contain the "
        "variation of training, and mean ± SD over folds does not contain the sampling error of the patients.",
        "Lesions of one patient are not independent: patients, not lesions, are kept together in folds and resampled "
        "in intervals.",
        "AUC is of the positive class named in each title. Models in one table were evaluated on the same lesions; "
        "figures of different tables are of different lesions.",
    )
    return joined([
        joined([element("h3", "Of this study"), bullet_list(notes, kind="plain")]) if notes else None,
        element("h3", "How to read the figures"), bullet_list(general, kind="plain"),
    ])


def software(runs: Sequence[RunRecord]) -> Html:
    """The commands that ran, and the versions they ran with."""
    if not runs:
        return _NOTHING
    commands = [
        (r.command, element("code", " ".join(r.arguments)) if r.arguments else "",
         element("span", r.started[:16].replace("T", " "), class_="nowrap"), r.device, r.seed) for r in runs
    ]
    systems = {"Python": [r.python for r in runs], "System": [r.system for r in runs]}
    packages = list(dict.fromkeys(name for r in runs for name in r.versions))
    found = systems | {name: [r.versions[name] for r in runs if name in r.versions] for name in packages}
    versions = [(element("span", name), element("b", ", ".join(dict.fromkeys(v)))) for name, v in found.items()]
    return joined([
        data_table(("Command", "Arguments", "Started (UTC)", "Device", "Seed"), commands, kind="plan"),
        element("h3", "Versions"), bullet_list(map(joined, versions), kind="versions"),
    ])


def _text(value: Any) -> str:
    """A value as a reader would write it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {_text(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return str(value)


def _with_breaks(lines: Sequence[str]) -> list[str]:
    return [part for line in lines for part in (line, element("br"))][:-1]
