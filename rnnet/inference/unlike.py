"""Runs that were not trained alike: folds of one model, or its negative controls and further seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rnnet.core.codec import to_plain
from rnnet.core.layouts import split_control
from rnnet.core.types import IMAGING_CONFIGS
from rnnet.core.workspace import FoldLayout
from rnnet.evaluation.names import folds_text, model_name
from rnnet.evaluation.repeats import trained_controls
from rnnet.experiment.data import ExperimentData
from rnnet.fusion.trained_with import outdated_fusions
from rnnet.networks.classifier import depends_on
from rnnet.training.checkpoint import Checkpoint, read_checkpoint
from rnnet.training.controls import controlled_plan
from rnnet.training.fold_record import ENCODER_INPUT
from rnnet.training.reuse import differences

_SAME = ("crop", "network", "channels", "preprocessing", "positive_outcome", "finetune")
# The same weights come out, in less memory.
_FREE = ("network.checkpoint_blocks",)


@dataclass(frozen=True, slots=True)
class UnlikeRuns:
    """What the evaluation does about runs that were not trained alike.

    folders: of the runs that are left out of controls and of the spread over seeds. sentences: that name them, and the
    models whose folds were trained in different ways. settings: (field, value in training, value in the plan, which
    models and folds) of every field that a fold was trained with another value of, where its network depends on it.
    """

    folders: frozenset[Path] = frozenset()
    sentences: tuple[str, ...] = ()
    settings: tuple[tuple[str, str, str, str], ...] = ()


def unlike_runs(data: ExperimentData) -> UnlikeRuns:
    """Runs whose settings or pretrained encoder are not those of the run that they stand beside.

    A control is compared with the model itself, a further seed with the first run of what it repeats: they are left
    out. Folds are compared with the first fold of their model: all of them count, and the reader is told. A fold of
    which the model itself is not trained has controls that stand alone.
    """
    folders: set[Path] = set()
    repeats: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    folds: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for pair in _pairs(data):
        if reason := _difference(pair):
            folders.add(pair.run.folder)
            repeats[pair.what, reason].append(pair.name)
    for pair in _fold_pairs(data):
        if reason := _difference(pair):
            folds[pair.what, pair.first_name, reason].append(pair.name)
    sentences = (
        *(f"{model}: {folds_text(names)} and {first} were not trained alike, and their figures are pooled: {reason}. "
          "Train these folds again, with the same settings and the same pretrained encoder."
          for (model, first, reason), names in folds.items()),
        *(f"{what} are left out for {', '.join(names)}: {reason}. Train the runs that are to be compared again, with "
          "the same settings and the same pretrained encoder." for (what, reason), names in repeats.items()),
        *(f"Figures of {model_name(config)} are of an older pair of models: {problem}"
          for config, problem in outdated_fusions(data.results)),
    )
    return UnlikeRuns(frozenset(folders), sentences, _settings(data))


@dataclass(frozen=True, slots=True)
class _Pair:
    """A run, the one that it must be like but for `control`, and how both are called."""

    what: str
    name: str
    run: FoldLayout
    first: FoldLayout
    first_name: str
    control: str = ""


def _pairs(data: ExperimentData) -> Iterator[_Pair]:
    for config in (*IMAGING_CONFIGS, *trained_controls(data.results)):
        model, control = split_control(config)
        for layout in data.results.validated_folds(config):
            fold, first = layout.name, data.results.fold(model, layout.name)
            if control and first.predictions("validation").is_file():
                what = f"Figures of the negative control {model_name(config)}"
                yield _Pair(what, f"fold {fold}", layout, first, "the model itself", control)
            for seed, run in layout.seeds().items():
                if run.predictions("validation").is_file():
                    what = f"Further seeds of {model_name(config)}"
                    yield _Pair(what, f"fold {fold} seed {seed}", run, layout, "the first run")


def _fold_pairs(data: ExperimentData) -> Iterator[_Pair]:
    """Every further fold of a model or of a control, with the first one."""
    for config in (*IMAGING_CONFIGS, *trained_controls(data.results)):
        folds = data.results.validated_folds(config)
        for layout in folds[1:]:
            yield _Pair(model_name(config), layout.name, layout, folds[0], f"fold {folds[0].name}")


def _difference(pair: _Pair) -> str:
    """In what the run is not as it must be; '' where it is."""
    paths = pair.first.checkpoint_best, pair.run.checkpoint_best
    if not all(path.is_file() for path in paths):
        return f"a checkpoint is gone, so that nothing tells whether they were trained like {pair.first_name}"
    first, run = map(_stored, paths)
    wanted = controlled_plan(first.experiment_plan(), pair.control)
    found = [
        f"{path} is {there} there and {here} in {pair.first_name}"
        for path, there, here in differences(to_plain(run.experiment_plan()), wanted, _SAME)
        if path not in _FREE and depends_on(split_control(run.config)[0], path)
    ]
    if pair.control != "random_encoder" and first.inputs.get(ENCODER_INPUT) != run.inputs.get(ENCODER_INPUT):
        found.append(f"it started from another encoder than {pair.first_name}")
    return "; ".join(found)


def _settings(data: ExperimentData) -> tuple[tuple[str, str, str, str], ...]:
    """See UnlikeRuns. Only the models: what a control was trained with is compared with its model."""
    folds: defaultdict[tuple[str, str, str], defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for config in IMAGING_CONFIGS:
        for layout in data.results.validated_folds(config):
            if not layout.checkpoint_best.is_file():
                continue
            trained = to_plain(_stored(layout.checkpoint_best).experiment_plan())
            for found in differences(trained, data.plan, _SAME):
                if depends_on(config, found[0]):
                    folds[found][model_name(config)].append(layout.name)
    return tuple(
        (*found, "; ".join(f"{model}: {folds_text(names)}" for model, names in models.items()))
        for found, models in sorted(folds.items())
    )


def _stored(path: Path) -> Checkpoint:
    return read_checkpoint(path, made_by="rnnet_train", lazy=True)
