"""From the fingerprint and the device's memory to a plan whose every choice has its reason beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from rnnet.core.codec import to_plain
from rnnet.core.registry import Registry
from rnnet.planning import rules
from rnnet.planning.fingerprint import DatasetFingerprint
from rnnet.planning.plan import Choice, CropPlan, ExperimentPlan, NetworkPlan, with_values
from rnnet.planning.step_memory import finetuning_memory, pretraining_memory


class Planner(Protocol):
    """Chooses the settings of an experiment."""

    def plan(
        self, fingerprint: DatasetFingerprint, *, name: str, n_cubes: int, memory_bytes: int, seed: int
    ) -> ExperimentPlan:
        """The plan called `name`.

        n_cubes: lesions to pretrain on, over all data sets. memory_bytes: of the device that will train.

        Raises:
            DatasetError: the data set cannot be planned for; the message says why.
        """


PLANNERS: Registry[type[Planner]] = Registry(
    "planner",
    group="rnnet.planners",
    builtin={
        "default": "rnnet.planning.planner:DefaultPlanner",
        "paper": "rnnet.planning.planner:PaperPlanner",
    },
)


class DefaultPlanner:
    """Every size follows from the data set and the device, by the rules of rnnet.planning.rules."""

    name = "default"

    def plan(
        self, fingerprint: DatasetFingerprint, *, name: str, n_cubes: int, memory_bytes: int, seed: int
    ) -> ExperimentPlan:
        """The plan with the reasons in its rationale. Raises DatasetError, see rules.crop_edge and fold_count."""
        edge = rules.crop_edge(fingerprint)
        choices = [*_outcomes(fingerprint), edge, rules.token_edge(edge.value), *rules.vit_size(n_cubes)]
        choices.append(rules.fold_count(fingerprint))
        plan = _with_choices(_base(self.name, fingerprint, name, seed), choices)
        choices += [rules.pretrain_epochs(n_cubes), *_pretrain_batch(plan, n_cubes, memory_bytes)]
        choices += _finetuning(plan, fingerprint, memory_bytes)
        choices += [rules.bin_width(fingerprint), rules.class_weights(fingerprint)]
        return _with_choices(plan, choices)


# As far as the published method is public; where its text is silent, its pretext tasks' best public reading.
_METHOD = "the published method (arXiv 2511.18208)"
_READING = "public tutorial of the method's pretext tasks (MONAI, vit_unetr_ssl)"
_PAPER: tuple[tuple[str, Any, str], ...] = (
    ("n_folds", 5, _METHOD),
    ("channels", ["T1CE", "lesion_mask"], _METHOD),
    ("crop.edge_vox", 64, _METHOD),
    ("network.token_edge_vox", 16, _METHOD),
    ("network.width", 768, _METHOD),
    ("network.depth", 12, _METHOD),
    ("network.heads", 12, _METHOD),
    ("network.mlp_ratio", 4.0, _READING),
    ("network.patch_embed", "linear", _READING),
    ("network.position", "learned", _READING),
    ("network.drop_path", 0.0, _READING),
    ("pretrain.epochs", 300, "rnnet's choice, the number is not published"),
    ("pretrain.optimizer", "adam", _READING),
    ("pretrain.learning_rate", 1e-4, _READING),
    ("pretrain.weight_decay", 0.0, _READING),
    ("pretrain.objective", "paper", _READING),
    ("pretrain.temperature", 0.05, _READING),
    ("pretrain.views.axis_swaps", False, _READING),
    ("pretrain.views.scaling", 0.0, _READING),
    ("pretrain.views.intensity_augmentation", False, _READING),
    ("pretrain.views.mask_jitter_vox", 0, _READING),
    ("pretrain.views.mask_drop_probability", 0.0, _READING),
    ("features.minimum_variance", 0.01, _METHOD),
    ("features.maximum_correlation", 0.9, _METHOD),
    ("features.lasso_folds", 5, _METHOD),
    ("features.bin_width", 5.0, "setting of the labelled public data set's own radiomics"),
)


class PaperPlanner:
    """What the published method fixes, whatever the data set; only the batch sizes follow from the device."""

    name = "paper"

    def plan(
        self, fingerprint: DatasetFingerprint, *, name: str, n_cubes: int, memory_bytes: int, seed: int
    ) -> ExperimentPlan:
        """The plan with the reasons in its rationale."""
        choices = [*_outcomes(fingerprint), *(Choice(path, value, f"fixed: {rule}") for path, value, rule in _PAPER)]
        plan = _with_choices(_base(self.name, fingerprint, name, seed), choices)
        batch, _ = _pretrain_batch(plan, n_cubes, memory_bytes)
        choices += [batch, *_finetuning(plan, fingerprint, memory_bytes), rules.class_weights(fingerprint)]
        return _with_choices(plan, choices)


def plan_reasons_table(plan: ExperimentPlan) -> list[tuple[str, str, str, str]]:
    """(field, value, rule, inputs) of every choice, as texts for a table."""
    return [
        (c.path, _text(c.value), c.rule, ", ".join(f"{k}={_text(v)}" for k, v in c.inputs.items()))
        for c in plan.rationale
    ]


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _base(planner: str, fingerprint: DatasetFingerprint, name: str, seed: int) -> ExperimentPlan:
    # The network's defaults do not fit every crop edge; both are chosen right after.
    return ExperimentPlan(
        name=name, planner=planner, dataset=fingerprint.dataset, positive_outcome=fingerprint.positive_outcome,
        negative_outcome=fingerprint.negative_outcome, seed=seed, crop=CropPlan(), network=NetworkPlan(),
    )


def _outcomes(fingerprint: DatasetFingerprint) -> tuple[Choice, ...]:
    rule = "declared in dataset.json"
    return (
        Choice("positive_outcome", fingerprint.positive_outcome, rule),
        Choice("negative_outcome", fingerprint.negative_outcome, rule),
    )


def _pretrain_batch(plan: ExperimentPlan, n_cubes: int, memory_bytes: int) -> tuple[Choice, Choice]:
    estimate = pretraining_memory(plan)
    batch = rules.batch_size("pretrain.batch_size", estimate, n_samples=n_cubes, memory_bytes=memory_bytes)
    return batch, rules.pretrain_learning_rate(batch.value)


def _finetuning(plan: ExperimentPlan, fingerprint: DatasetFingerprint, memory_bytes: int) -> list[Choice]:
    per_fold = fingerprint.n_labelled * (plan.n_folds - 1) // plan.n_folds
    estimate = finetuning_memory(plan)
    batch = rules.batch_size("finetune.batch_size", estimate, n_samples=per_fold, memory_bytes=memory_bytes)
    return [rules.finetune_epochs(per_fold), batch, *rules.finetune_learning_rates(batch.value)]


def _with_choices(plan: ExperimentPlan, choices: Sequence[Choice]) -> ExperimentPlan:
    """The plan with the chosen values in their fields and the choices as its rationale."""
    document = to_plain(plan)
    values = {choice.path: choice.value for choice in choices if _is_field(document, choice.path.split("."))}
    return replace(with_values(plan, values), rationale=tuple(choices))


def _is_field(document: Any, path: Iterable[str]) -> bool:
    for name in path:
        if not isinstance(document, dict) or name not in document:
            return False
        document = document[name]
    return True
