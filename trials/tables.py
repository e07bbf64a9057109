"""Markdown tables of a trial's arms, put into the document: python -m trials.tables TRIAL ROOT --document FILE.

They are read from what rnnet_evaluate and rnnet_train wrote. Arms that are not finished are left out and named.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rnnet.core.codec import read_artefact
from rnnet.core.errors import RnnetError
from rnnet.core.files import write_text
from rnnet.core.log import configure_logging, get_logger
from rnnet.core.workspace import ResultsLayout, Workspace
from rnnet.evaluation.repeat_results import SeedSpread
from rnnet.evaluation.statistics import Interval
from rnnet.evaluation.summary import CROSS_VALIDATION, SAME_CENTER_TEST, Evaluation, ModelSummary
from rnnet.reporting.repeats import control_notes
from trials.arms import MAIN, TRIALS, Arm, Trial, arms_of
from trials.paired import auc_difference

log = get_logger("rnnet.trials.tables")

_GROUPS = (("objectives", "Objectives of pretraining"), ("network", "How voxels become tokens"),
           ("views", "Views of pretraining"), ("mask channel", "Mask channel in pretraining"),
           ("length", "Length of training"))
_LABELS_CAPTION = (
    "Label efficiency. The shares are of the labels of each fold's training part. Every arm, the one with all labels "
    "too, chose the best epoch of a fold on the fold's whole labelled validation part: in all, more labels were used "
    "than the share says, and cross-validation was selected and measured on the same lesions. The test sets chose "
    "nothing."
)


def trial_tables(trial: Trial, root: Path) -> str:
    """All tables of a trial as Markdown.

    Raises:
        RnnetError: the main arm is not finished.
    """
    workspace = Workspace.under(root)
    dataset, second = (workspace.dataset_name(number) for number in (trial.labelled, trial.second))
    subsets = {SAME_CENTER_TEST: "same-centre test", second: "second centre", CROSS_VALIDATION: "cross-validation"}
    found: dict[str, Evaluation] = {}
    for arm in arms_of(trial):
        summary = workspace.results_dataset(dataset, arm.name).report.summary_json
        if summary.is_file():
            found[arm.name] = read_artefact(summary, Evaluation, made_by="python -m trials.run")
    if MAIN not in found:
        fix = f"Run python -m trials.run {trial.name} {root}."
        raise RnnetError("The main arm is not finished.", where=root, fix=fix)
    arms = [arm for arm in arms_of(trial) if arm.name in found]
    missing = [arm.name for arm in arms_of(trial) if arm.name not in found]
    main_results = workspace.results_dataset(dataset, MAIN)
    parts = [
        _counts_text(trial, found[MAIN], subsets), _models_table(found[MAIN], subsets),
        *_difference_table(main_results, found[MAIN], subsets, trial), *_seeds_table(found[MAIN], subsets),
        *_controls_table(found[MAIN], subsets),
        _labels_table(workspace, dataset, arms, found, subsets, trial),
    ]
    for group, title in _GROUPS:
        members = [arm for arm in arms if arm.group == group]
        if members:
            table = _arms_table(workspace, dataset, members, found, subsets, trial)
            parts.append(f"{title} (`ssl_vit` where no other is named; settings in trials/arms.py):\n\n{table}")
            for arm in members:
                parts += _seeds_table(found[arm.name], subsets, arm.title)
    choice = root / "choice.md"
    if choice.is_file():
        title = "What the outlines tell at equal volume (AUC, training patients):"
        parts.insert(0, f"{title}\n\n{choice.read_text(encoding='utf-8')}")
    if missing:
        parts.append(f"Not run: {', '.join(missing)}.")
    return "\n\n".join(part.strip() for part in parts) + "\n"


def insert(document: str, trial: str, tables: str) -> str:
    """The document with the tables between '<!-- TRIAL:begin -->' and '<!-- TRIAL:end -->'.

    Raises:
        RnnetError: the document has no such place, or more than one.
    """
    begin, end = f"<!-- {trial}:begin -->", f"<!-- {trial}:end -->"
    if document.count(begin) != 1 or document.count(end) != 1 or document.index(begin) > document.index(end):
        raise RnnetError(f"The document must hold '{begin}' and '{end}' once, in this order.",
                         fix="Write both lines where the tables belong.")
    return f"{document[:document.index(begin)]}{begin}\n\n{tables}\n{document[document.index(end):]}"


def _counts_text(trial: Trial, main: Evaluation, subsets: Mapping[str, str]) -> str:
    counts = []
    for subset, title in subsets.items():
        if summary := _summary_of(main, "ssl_vit", subset):
            c = summary.counts
            counts.append(f"{title} {c.lesions_positive} + {c.lesions_negative} lesions of {c.patients} patients")
    return (
        f"Positive class in every table: {trial.positive_outcome}. Positive + negative: {'; '.join(counts)}. "
        "AUC of the fold models' ensemble (in cross-validation: out of fold) with its 95 % interval over resamples of "
        "patients; behind it mean ± SD of the fold models."
    )


def _models_table(main: Evaluation, subsets: Mapping[str, str]) -> str:
    configs = dict.fromkeys(summary.config for summary in main.summaries)
    rows = [[f"`{config}`", *(_cell(_summary_of(main, config, subset)) for subset in subsets)] for config in configs]
    return _table(["configuration", *subsets.values()], rows)


def _difference_table(
    results: ResultsLayout, main: Evaluation, subsets: Mapping[str, str], trial: Trial
) -> list[str]:
    """ssl_vit against the others, on the same lesions."""
    others = [c for c in dict.fromkeys(s.config for s in main.summaries) if c != "ssl_vit"]
    rows = [
        [f"`ssl_vit` - `{other}`", *(_difference(results, "ssl_vit", results, other, s, trial) for s in subsets)]
        for other in others
    ]
    title = "Difference in AUC on the same lesions, with its 95 % interval (patients drawn once for both models):"
    return [title, _table(["difference", *subsets.values()], rows)] if rows else []


def _seeds_table(evaluation: Evaluation, subsets: Mapping[str, str], arm: str = "") -> list[str]:
    """The models of an arm that were trained several times, and the difference of their means."""
    spreads = {(spread.config, spread.subset): spread for spread in evaluation.seeds}
    configs = [config for config in ("ssl_vit", "vit_scratch") if any(config == repeated for repeated, _ in spreads)]
    if not configs:
        return []
    rows = [[f"`{config}`", *(_spread_cell(spreads.get((config, s))) for s in subsets)] for config in configs]
    if len(configs) > 1:
        pairs = [[spreads.get((config, s)) for config in configs] for s in subsets]
        rows.append(["difference of the means", *(f"{a.mean - b.mean:+.2f}" if a and b else "" for a, b in pairs)])
    title = (
        f"Fine-tuning again with other seeds{arm and f', {arm}'}, from the same encoder (mean ± SD over the seeds, "
        f"lowest to highest, how many seeds){'' if arm else '. Tables without such a title are of the first seed'}:"
    )
    return [title, _table(["configuration", *subsets.values()], rows)]


def _spread_cell(spread: SeedSpread | None) -> str:
    if spread is None:
        return ""
    ends = f"{min(spread.aucs):.2f} to {max(spread.aucs):.2f}"
    return f"{spread.mean:.2f} ± {spread.sd:.2f} ({ends}; {len(spread.seeds)})"


def _controls_table(main: Evaluation, subsets: Mapping[str, str]) -> list[str]:
    names = dict.fromkeys(c.control for c in main.controls)
    rows = []
    for name in names:
        by_subset = {c.subset: c for c in main.controls if c.control == name}
        rows.append([f"`{name}`", *(_interval(by_subset[s].auc) if s in by_subset else "" for s in subsets)])
    if not rows:
        return []
    notes = "\n".join(f"- {note}" for note in control_notes(main.controls))
    return ["Negative controls of `ssl_vit`:", _table(["control", *subsets.values()], rows), notes]


def _labels_table(
    workspace: Workspace, dataset: str, arms: Sequence[Arm], found: Mapping[str, Evaluation],
    subsets: Mapping[str, str], trial: Trial,
) -> str:
    rows = []
    for arm in arms:
        if arm.group == "labels" or arm.name == MAIN:
            title = "all labels" if arm.name == MAIN else arm.title
            for config in ("ssl_vit", "vit_scratch"):
                cells = (_cell(_summary_of(found[arm.name], config, subset)) for subset in subsets)
                rows.append([title, f"`{config}`", *cells])
            rows.append([title, "difference", *_gain(workspace.results_dataset(dataset, arm.name), subsets, trial)])
    return f"{_LABELS_CAPTION}\n\n" + _table(["labels", "configuration", *subsets.values()], rows)


def _arms_table(
    workspace: Workspace, dataset: str, members: Sequence[Arm], found: Mapping[str, Evaluation],
    subsets: Mapping[str, str], trial: Trial,
) -> str:
    configs = dict.fromkeys(config for arm in members for config in arm.configs)
    rows = []
    for name, title, of in [(MAIN, "as planned", configs), *((arm.name, arm.title, arm.configs) for arm in members)]:
        for config in of:
            named = title if config == "ssl_vit" else f"{title}, `{config}`"
            rows.append([named, *(_cell(_summary_of(found[name], config, s)) for s in subsets)])
        if "vit_scratch" in of:
            rows.append([f"{title}, difference", *_gain(workspace.results_dataset(dataset, name), subsets, trial)])
    return _table(["arm", *subsets.values()], rows)


def _gain(results: ResultsLayout, subsets: Mapping[str, str], trial: Trial) -> list[str]:
    """What pretraining brings under one plan, for each subset."""
    return [_difference(results, "ssl_vit", results, "vit_scratch", subset, trial) for subset in subsets]


def _difference(
    first: ResultsLayout, config: str, second: ResultsLayout, other: str, subset: str, trial: Trial
) -> str:
    interval = auc_difference(first, config, second, other, subset, positive_outcome=trial.positive_outcome)
    return "" if interval is None else _interval(interval, signed=True)


def _summary_of(evaluation: Evaluation, config: str, subset: str) -> ModelSummary | None:
    return next((s for s in evaluation.summaries if (s.config, s.subset) == (config, subset)), None)


def _cell(summary: ModelSummary | None) -> str:
    if summary is None:
        return ""
    over = summary.mean_sd["auc"]
    spread = "" if over.sd is None else f" ± {over.sd:.2f}"
    return f"{_interval(summary.intervals['auc'])}; {over.mean:.2f}{spread}"


def _interval(interval: Interval, *, signed: bool = False) -> str:
    form = "+.2f" if signed else ".2f"
    return f"{interval.value:{form}} ({interval.low:{form}} to {interval.high:{form}})"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m trials.tables", description=__doc__)
    parser.add_argument("trial", choices=sorted(TRIALS))
    parser.add_argument("root", type=Path)
    parser.add_argument("--document", type=Path, help="put the tables into this file instead of printing them")
    chosen = parser.parse_args(argv)
    configure_logging()
    try:
        tables = trial_tables(TRIALS[chosen.trial], chosen.root)
        if chosen.document is None:
            sys.stdout.write(tables)
        else:
            text = chosen.document.read_text(encoding="utf-8")
            write_text(chosen.document, insert(text, chosen.trial, tables))
    except RnnetError as error:
        log.error("error: %s", error)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
