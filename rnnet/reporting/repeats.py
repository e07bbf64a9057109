"""Negative controls and the spread over seeds: a table of text each, and the sections of the report."""

from __future__ import annotations

from collections.abc import Sequence

from rnnet.core.layouts import split_control
from rnnet.evaluation.repeat_results import ControlResult, SeedSpread
from rnnet.reporting.markup import Html, bullet_list, data_table, element, joined
from rnnet.reporting.tables import Table, interval_text, model_name, plain_outcome

CONTROL_NAMES = {
    "shuffled_labels": "shuffled labels",
    "mask_only": "mask only",
    "volume_only": "volume only",
    "random_encoder": "random encoder",
}
# What was taken away, and what the figures should be.
_EXPECTATIONS = {
    "shuffled_labels": (
        "the outcomes of the training lesions were dealt out at random among the patients, so nothing could be "
        "learned. Its AUC on test sets should be about 0.5. If the interval lies above, the test lesions are not "
        "independent of training. (By cross-validation it may lie a little above where the best epoch was chosen on "
        "the same lesions.)"
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
        "clearly above; otherwise pretraining and fine-tuning taught it nothing."
    ),
}
_CONTROLS_INTRO = (
    "The same training with something essential taken away, to show what the figures of a model rest on. None of these "
    "is a model to use. Each stands beside the model itself, on the same lesions and from the same folds."
)
_SEEDS_INTRO = (
    "The same training on the same folds, started from other random numbers (first weights, order, augmentation). It "
    "shows how much of a difference between two models is chance of training. All other figures of this report are "
    "those of the first seed."
)
_NOTHING = Html("")


def repeat_tables(controls: Sequence[ControlResult], seeds: Sequence[SeedSpread]) -> tuple[Table, ...]:
    """The table of negative controls and that of seeds, as far as there are any."""
    tables = []
    if controls:
        tables.append(_control_table(controls))
    if seeds:
        tables.append(_seed_table(seeds))
    return tuple(tables)


def control_section(controls: Sequence[ControlResult]) -> Html:
    """Negative controls, with what each should show."""
    return _section(_CONTROLS_INTRO, _control_table(controls)) if controls else _NOTHING


def seed_section(seeds: Sequence[SeedSpread]) -> Html:
    """Spread over seeds."""
    return _section(_SEEDS_INTRO, _seed_table(seeds)) if seeds else _NOTHING


def _section(intro: str, table: Table) -> Html:
    return joined([
        element("p", intro), element("h3", table.title), element("p", table.subtitle, class_="subtitle"),
        data_table(table.header, table.rows, kind="figures"), bullet_list(table.notes, kind="note"),
    ])


def _control_table(controls: Sequence[ControlResult]) -> Table:
    first = controls[0]
    level = f"{100 * first.auc.level:g} %"
    used = [name for name in _EXPECTATIONS if any(c.control == name for c in controls)]
    positive = plain_outcome(first.positive_outcome)
    return Table(
        title=f"Negative controls (positive class: {positive})",
        subtitle=f"AUC [{level} interval, patients resampled]; lesions: {positive} + other",
        header=("Model, control", "Test set", "AUC of the control", "AUC of the model itself", "Lesions", "Folds"),
        short_header=("Model, control", "Test set", "Control", "Model itself", "Lesions", "Folds"),
        rows=tuple(
            (f"{model_name(c.config)}, {CONTROL_NAMES[c.control]}", _test_set(c), interval_text(c.auc),
             interval_text(c.model_auc) if c.model_auc else "–", f"{c.n_positive} + {c.n_negative}",
             str(len(c.folds)))
            for c in controls
        ),
        notes=tuple(f"{CONTROL_NAMES[name].capitalize()}: {_EXPECTATIONS[name]}" for name in used),
    )


def _seed_table(seeds: Sequence[SeedSpread]) -> Table:
    positive = plain_outcome(seeds[0].positive_outcome)
    return Table(
        title=f"Spread over seeds (positive class: {positive})",
        subtitle=f"AUC of models that were trained several times; lesions: {positive} + other",
        header=("Model", "Test set", "Seeds", "AUC, mean ± SD", "lowest to highest", "Lesions", "Folds"),
        short_header=("Model", "Test set", "Seeds", "mean ± SD", "min to max", "Lesions", "Folds"),
        rows=tuple(
            (_name(s.config), _test_set(s), str(len(s.seeds)), f"{s.mean:.3f} ± {s.sd:.3f}",
             f"{min(s.aucs):.3f} to {max(s.aucs):.3f}", f"{s.n_positive} + {s.n_negative}", str(len(s.folds)))
            for s in seeds
        ),
        notes=(
            "Each seed gives one AUC: of the out-of-fold predictions of the folds that were repeated "
            "(cross-validation) or of their ensemble (test sets). SD: sample standard deviation of these "
            "AUCs. It does not contain the sampling error of the patients, which the intervals of the results show.",
        ),
    )


def _test_set(result: ControlResult | SeedSpread) -> str:
    """Shorter than its title, so that the table fits the page: an external set by its name alone."""
    return result.subset_title.removeprefix("External test, ")


def _name(config: str) -> str:
    model, control = split_control(config)
    return f"{model_name(model)}, {CONTROL_NAMES[control]}" if control else model_name(model)
