"""Negative controls and the spread over seeds as tables of text, and what is to be said above them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from rnnet.core.layouts import control_config
from rnnet.evaluation.names import CONTROL_NAMES, model_name
from rnnet.evaluation.repeat_results import ControlResult, SeedSpread
from rnnet.reporting.tables import Table, interval_text, plain_outcome

# What was taken away, and what the figures should be.
_EXPECTATIONS = {
    "shuffled_labels": (
        "the outcomes of the training lesions were dealt out at random among the patients, and the last epoch was "
        "taken, so nothing could be learned. Over several dealings (--seeds) its AUC should be about 0.5 on average; "
        "if it lies above, the test lesions are not independent of training. One dealing alone can lie far above or "
        "below: where pretraining has put the classes apart, a random direction often tells them apart, in the right "
        "order or in the wrong one. (With pretrain.probe.patience above 0, true outcomes of training lesions chose the "
        "pretrained encoder.)"
    ),
    "mask_only": (
        "the image was blank, only the outline of the lesion was left. The model itself should lie clearly above; "
        "otherwise it reads shape, size or the way in which someone drew, not the tissue."
    ),
    "volume_only": (
        "all that was left of the lesion is its volume, shown as a ball in the middle. The model itself should lie "
        "clearly above; otherwise it does no more than measure size."
    ),
    "random_encoder": (
        "the network kept its random first weights and only its last layer was trained. The model itself should lie "
        "clearly above; otherwise nothing that its encoder learned is of use."
    ),
}
CONTROLS_INTRO = (
    "The same training with something essential taken away, to show what the figures of a model rest on. None of these "
    "is a model to use. Each stands beside the model itself, on the same lesions and from the same folds."
)
SEEDS_INTRO = (
    "The same training on the same folds, started from other random numbers (first weights, order, augmentation). It "
    "shows how much of a difference between two models is chance of training. A pretrained encoder is the same in all "
    "seeds: the chance of its pretraining is not in the spread, so that it tells less of SSL models than of those from "
    "scratch."
)
_Result = TypeVar("_Result", ControlResult, SeedSpread)


def repeat_tables(controls: Sequence[ControlResult], seeds: Sequence[SeedSpread]) -> tuple[Table, ...]:
    """Tables of negative controls and of seeds, one of each per test set; what holds for all is noted at the last."""
    return (*control_tables(controls), *seed_tables(seeds))


def control_notes(controls: Sequence[ControlResult]) -> tuple[str, ...]:
    """For each kind of control among them, what was taken away and what its figures should be."""
    used = [name for name in _EXPECTATIONS if any(c.control == name for c in controls)]
    return tuple(f"{CONTROL_NAMES[name].capitalize()}: {_EXPECTATIONS[name]}" for name in used)


def control_tables(controls: Sequence[ControlResult]) -> tuple[Table, ...]:
    """Negative controls, one table per test set; what each should show is noted at the last."""
    tables = tuple(_control_table(group) for group in _by_subset(controls))
    dash = ("–: the model itself has no predictions from these folds, train it to compare.",)
    alone = dash if any(c.model_auc is None for c in controls) else ()
    return _with_notes(tables, (*control_notes(controls), *alone))


def _control_table(controls: Sequence[ControlResult]) -> Table:
    first = controls[0]
    level = f"{100 * first.auc.level:g} %"
    return Table(
        title=_title("negative controls", first),
        subtitle=f"AUC [{level} interval, patients resampled]; {_lesions(first)}",
        header=("Model, control", "AUC of the control", "AUC of the model itself", "Lesions", "Folds"),
        short_header=("Model, control", "Control", "Model itself", "Lesions", "Folds"),
        rows=tuple(
            (model_name(control_config(c.config, c.control)), interval_text(c.auc),
             interval_text(c.model_auc) if c.model_auc else "–", f"{c.n_positive} + {c.n_negative}",
             str(len(c.folds)))
            for c in controls
        ),
    )


def seed_tables(seeds: Sequence[SeedSpread]) -> tuple[Table, ...]:
    """The spread over seeds, one table per test set; what holds for all is noted at the last."""
    return _with_notes(tuple(_seed_table(group) for group in _by_subset(seeds)), (
        "Each seed gives one AUC: of the out-of-fold predictions of the folds that were repeated (cross-validation) "
        "or of their ensemble (test sets). SD: sample standard deviation of these AUCs. It does not contain the "
        "sampling error of the patients, which the intervals of the results show.",
        "All other tables and figures are those of the first seed.",
    ))


def _seed_table(seeds: Sequence[SeedSpread]) -> Table:
    return Table(
        title=_title("spread over seeds", seeds[0]),
        subtitle=f"AUC of models that were trained several times; {_lesions(seeds[0])}",
        header=("Model", "Seeds", "AUC, mean ± SD", "lowest to highest", "Lesions", "Folds"),
        short_header=("Model", "Seeds", "mean ± SD", "min to max", "Lesions", "Folds"),
        rows=tuple(
            (model_name(s.config), str(len(s.seeds)), f"{s.mean:.3f} ± {s.sd:.3f}",
             f"{min(s.aucs):.3f} to {max(s.aucs):.3f}", f"{s.n_positive} + {s.n_negative}", str(len(s.folds)))
            for s in seeds
        ),
    )


def _by_subset(results: Sequence[_Result]) -> tuple[tuple[_Result, ...], ...]:
    subsets = dict.fromkeys(r.subset for r in results)
    return tuple(tuple(r for r in results if r.subset == subset) for subset in subsets)


def _with_notes(tables: Sequence[Table], notes: tuple[str, ...]) -> tuple[Table, ...]:
    return (*tables[:-1], *(replace(table, notes=notes) for table in tables[-1:]))


def _title(what: str, result: ControlResult | SeedSpread) -> str:
    return f"{result.subset_title}: {what} (positive class: {plain_outcome(result.positive_outcome)})"


def _lesions(result: ControlResult | SeedSpread) -> str:
    return f"lesions: {plain_outcome(result.positive_outcome)} + {plain_outcome(result.negative_outcome) or 'other'}"
