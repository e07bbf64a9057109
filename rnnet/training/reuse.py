"""May these weights be used here? Asked before training starts, answered by name."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnet.core.codec import to_plain
from rnnet.core.errors import SettingError, StaleArtefactError
from rnnet.planning.plan import ExperimentPlan
from rnnet.training.checkpoint import Checkpoint

# What fixes the shape and meaning of the encoder's weights.
_IMAGES = ("preprocessing.atlas", "preprocessing.normalize")
_INPUT = ("channels", *_IMAGES)
_VIT = (
    "crop.edge_vox", "network.token_edge_vox", "network.width", "network.depth", "network.heads",
    "network.mlp_ratio", "network.patch_embed", "network.position", "network.class_token", "network.pooling",
    "network.layer_scale",
)
_RESNET = ("network.resnet_base_width",)
# What networks had before the plan could say it.
_BEFORE = {"network.class_token": False, "network.layer_scale": 0.0}
_ABSENT = "absent"
# What a resumed run must share with the interrupted one to end as if it had not been interrupted.
_SAME_RUN = ("seed", "crop", "network", "channels", "preprocessing", "positive_outcome")
_FREE = ("pretrain.checkpoint_minutes",)
# Of a probe without patience, which changes nothing but the number of points on its curve.
_PROBE_OFTEN, _PATIENCE = "pretrain.probe.every_epochs", "pretrain.probe.patience"


def check_reusable(checkpoint: Checkpoint, plan: ExperimentPlan, *, config: str = "ssl_vit") -> None:
    """Nothing, if the pretrained encoder fits the plan. Whom it has seen is asked elsewhere (FoldExposures).

    config: the imaging configuration that starts from it.

    Raises:
        SettingError: not a pretraining checkpoint, another kind of network, or another architecture, channels or
            normalisation: every difference is named with both values.
    """
    if checkpoint.kind != "pretrain":
        raise SettingError(
            f"The checkpoint holds a trained classifier ('{checkpoint.config}'), not a pretrained encoder.",
            fix="Give the checkpoint_final.pth that rnnet_pretrain wrote.",
        )
    is_resnet = config == "resnet50"
    if (checkpoint.config == "resnet50") != is_resnet:
        kinds = ("Vision Transformer", "ResNet50") if is_resnet else ("ResNet50", "Vision Transformer")
        raise SettingError(
            f"The checkpoint holds a {kinds[0]}, and '{config}' is a {kinds[1]}.",
            fix="Use -pretrained none, or import weights of a ResNet50 (rnnet_import_weights)." if is_resnet
            else "Give the checkpoint_final.pth that rnnet_pretrain wrote, or use -c resnet50.",
        )
    found = []
    for path, stored, wanted in differences(checkpoint.plan, plan, (*(_RESNET if is_resnet else _VIT), *_INPUT)):
        there = _text(_BEFORE.get(path, _ABSENT)) if stored == _ABSENT else stored
        if there != wanted:
            found.append((path, there, wanted))
    if found:
        raise _unfit("The pretrained encoder does not fit the plan", found)


def check_same_images(checkpoint: Checkpoint, plan: ExperimentPlan) -> None:
    """Nothing, if the weights have learned from images that were prepared as the plan does.

    Raises:
        SettingError: another atlas or normalisation; every difference is named with both values.
    """
    found = differences(checkpoint.plan, plan, _IMAGES)
    if found:
        raise _unfit("The encoder has learned from images that were prepared in another way", found)


def _unfit(problem: str, found: Sequence[tuple[str, str, str]]) -> SettingError:
    listed = "; ".join(f"{path} is {stored} there and {wanted} in the plan" for path, stored, wanted in found)
    settings = " ".join(f"--set {shlex.quote(f'{path}={stored}')}" for path, stored, _ in found if "{" not in stored)
    return SettingError(
        f"{problem}: {listed}.",
        fix="Pretrain again with this plan (rnnet_pretrain)" + (f", or use {settings}." if settings else "."),
    )


def check_resumable(
    checkpoint: Checkpoint, plan: ExperimentPlan, *, part: str, config: str, inputs: Mapping[str, str],
    where: Path | None = None,
) -> None:
    """Nothing, if going on from `checkpoint` gives what an uninterrupted run of `plan` would give.

    Args:
        checkpoint: of the run that is there, interrupted or at its end.
        plan: of this run.
        part: 'pretrain' or 'finetune', the plan's fields that matter beside the network.
        config: of this run.
        inputs: digests of what this run is made from, the cases among them.
        where: the folder of the run, for the message.

    Raises:
        StaleArtefactError: something differs; every difference is named.
    """
    fields = differences(checkpoint.plan, plan, (*_SAME_RUN, part))
    only_draws = not plan.pretrain.probe.patience and all(path != _PATIENCE for path, _, _ in fields)
    free = (*_FREE, _PROBE_OFTEN) if only_draws else _FREE
    found = [
        f"{path} was {stored} and is {wanted}" for path, stored, wanted in fields if path not in free
    ]
    if checkpoint.config != config:
        found.append(f"the configuration was {checkpoint.config} and is {config}")
    names = sorted({*checkpoint.inputs, *inputs})
    found += [f"the {name} changed" for name in names if checkpoint.inputs.get(name) != inputs.get(name)]
    if found:
        raise StaleArtefactError(
            f"The run that is there was started in another way, so it is neither kept nor continued: "
            f"{'; '.join(found)}.", where=where, fix="Undo the change, or train again without --continue.",
        )


def differences(
    stored: Mapping[str, Any], plan: ExperimentPlan, paths: Sequence[str]
) -> list[tuple[str, str, str]]:
    """(path, stored value, plan's value) of every field at or below `paths` that differs."""
    wanted_leaves = dict(_leaves(to_plain(plan)))
    stored_leaves = dict(_leaves(stored))
    names = [n for n in sorted({*stored_leaves, *wanted_leaves}) if _is_below(n, paths)]
    absent = object()
    return [
        (name, _text(stored_leaves.get(name, _ABSENT)), _text(wanted_leaves.get(name, _ABSENT)))
        for name in names if stored_leaves.get(name, absent) != wanted_leaves.get(name, absent)
    ]


def _is_below(path: str, paths: Sequence[str]) -> bool:
    """Whether it is one of these fields, or a field of one of them."""
    return any(path == p or path.startswith(p + ".") for p in paths)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _leaves(part, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _text(value: Any) -> str:
    """As --set reads it."""
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, separators=(",", ":")) if isinstance(value, list) else str(value)
