"""Checkpoints of tensors and plain types, loadable with weights_only=True: written whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from rnnet.core.codec import from_plain
from rnnet.core.errors import FileFormatError, MissingStageError, RnnetError, SettingError
from rnnet.core.files import atomic_path
from rnnet.planning.plan import ExperimentPlan
from rnnet.training.state import FitState

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A network, where its training stands, and what its reuse needs to know.

    Attributes:
        kind: what `model` is: encoder with pretext heads, or a classifier.
        plan: the experiment plan as plain types; `experiment_plan` gives it back.
        config: the imaging configuration; 'pretrain' for pretraining.
        in_channels: input channels of the encoder.
        channel_names: their names, in order.
        positive_outcome: what a positive logit means; empty for pretraining.
        state: epoch, step, best metric and history.
        model: the network's state dict, on the CPU.
        training: further state dicts that only resuming needs ('optimizer', 'average'); empty in a final checkpoint.
        patients_seen: patients whose scans the weights have seen, pretraining included, qualified by the data set.
        rnnet_version: version that wrote the file.
        inputs: digests of what training was made from.
        names_seen: by qualified patient, the names under which other data sets know him; None in a checkpoint of an
            older version, which recorded the patients alone.
        images_seen: by qualified scan, the hash of the image that the weights have seen; None as above.
        scans_unhashed: those of them whose hash would tell something and was never stored.
        patients_unknown: those of patients_seen of whom neither other names nor images are known.
        leaks: what --allow_leakage let through, in sentences, pretraining included.
        steered_by: patients, qualified, whose outcomes chose these weights among those of all epochs of pretraining.
        steered_scans: their scans, as in images_seen.
        origin: a sentence about imported weights of which nobody knows whom they have seen; empty without such.
    """

    kind: Literal["pretrain", "classifier"]
    plan: Mapping[str, Any]
    config: str
    in_channels: int
    channel_names: tuple[str, ...]
    positive_outcome: str
    state: FitState
    model: Mapping[str, Tensor]
    patients_seen: tuple[str, ...]
    rnnet_version: str
    training: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    names_seen: Mapping[str, tuple[str, ...]] | None = field(default_factory=dict)
    images_seen: Mapping[str, str] | None = field(default_factory=dict)
    scans_unhashed: tuple[str, ...] = ()
    patients_unknown: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    steered_by: tuple[str, ...] = ()
    steered_scans: tuple[str, ...] = ()
    origin: str = ""

    @property
    def epoch(self) -> int:
        """Finished epochs."""
        return self.state.epoch

    def experiment_plan(self) -> ExperimentPlan:
        """The plan that the network was trained with."""
        plan: ExperimentPlan = from_plain(ExperimentPlan, self.plan, where="plan")
        return plan


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write atomically; tensors are moved to the CPU, so that the file opens on every machine."""
    content = {f.name: getattr(checkpoint, f.name) for f in fields(checkpoint)}
    content = {**content, "state": checkpoint.state.to_dict(), "format_version": FORMAT_VERSION}
    with atomic_path(path) as temporary:
        torch.save(_plain(content), temporary)


def check_finite(checkpoint: Checkpoint) -> Checkpoint:
    """The same checkpoint, if its weights are finite numbers.

    Raises:
        RnnetError: they are not, so that they are no result.
    """
    broken = [name for name, t in checkpoint.model.items() if t.is_floating_point() and not bool(t.isfinite().all())]
    if broken:
        part = "pretrain" if checkpoint.kind == "pretrain" else "finetune"
        raise RnnetError(
            f"Training ended with weights that are not finite ({len(broken)} tensors, first {broken[0]}).",
            fix=f"Lower {part}.learning_rate, and look for scans with extreme values in the integrity check.",
        )
    return checkpoint


def read_checkpoint(path: Path, *, made_by: str, lazy: bool = False) -> Checkpoint:
    """The checkpoint at `path`, its tensors on the CPU. Runs no code from the file.

    lazy: leave the tensors on the disk until they are used, for a reader of everything else.

    Raises:
        MissingStageError: no such file; the message names `made_by`, the command that makes it.
        FileFormatError: damaged, from another program, or of another format version.
    """
    if path.is_dir():
        raise MissingStageError("This is a folder, and a checkpoint is a file.", where=path,
                                fix=f"Give the file that {made_by} wrote.")
    if not path.is_file():
        raise MissingStageError("The checkpoint is not there.", where=path, fix=f"Run {made_by}.")
    foreign = ", or read the weights of another program with rnnet_import_weights" * (made_by == "rnnet_pretrain")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=lazy)
    except Exception as error:  # the bytes of a damaged file can break the reader at any place
        # What torch says of it is for programmers, and advises to run code from the file.
        raise FileFormatError(
            "The file is no checkpoint of rnnet, or a damaged one.", where=path,
            fix=f"Give a checkpoint that {made_by} wrote{foreign}; if it is one, run {made_by} again.",
        ) from error
    # What an older checkpoint does not have has a default; that it has no names and images must be told from none.
    needed = {f.name for f in fields(Checkpoint) if f.default is MISSING and f.default_factory is MISSING}
    if not isinstance(content, dict) or not needed <= content.keys():
        raise FileFormatError(
            "The file is not a checkpoint of rnnet.", where=path,
            fix=f"Give a checkpoint that {made_by} wrote{foreign}.",
        )
    version = content.get("format_version")
    if version != FORMAT_VERSION:
        raise FileFormatError(
            f"The checkpoint has format version {version}, not {FORMAT_VERSION}.", where=path,
            fix=f"Run {made_by} again with this version of rnnet.",
        )
    absent = {"names_seen": None, "images_seen": None}
    parts = {**absent, **{f.name: content[f.name] for f in fields(Checkpoint) if f.name in content}}
    names = (
        "channel_names", "patients_seen", "leaks", "scans_unhashed", "patients_unknown", "steered_by", "steered_scans"
    )
    tuples = {name: tuple(parts.get(name, ())) for name in names}
    try:
        state = from_plain(FitState, parts["state"], where="state")
    except SettingError as error:
        raise FileFormatError(error.problem, where=path, fix=f"Run {made_by} again.") from error
    return Checkpoint(**{**parts, **tuples, "state": state})


def _plain(value: Any) -> Any:
    """Copy of `value` with detached CPU tensors and plain containers."""
    if isinstance(value, Tensor):
        # clone: a view would store the whole tensor that it looks into.
        return value.detach().cpu().clone()
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return tuple(_plain(v) for v in value) if isinstance(value, tuple) else value
