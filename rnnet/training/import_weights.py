"""Foreign weights become a checkpoint that fine-tuning takes like one of pretraining."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rnnet.core.codec import to_plain, write_artefact
from rnnet.core.errors import FileFormatError, MissingStageError, RnnetError, SettingError
from rnnet.core.files import file_digest, file_sha256
from rnnet.core.layouts import import_report
from rnnet.core.provenance import package_version
from rnnet.networks.foreign.fit import Axes, fit_to_plan
from rnnet.networks.foreign.layout import ForeignEncoder
from rnnet.networks.foreign.read import read_tensors
from rnnet.networks.foreign.table import foreign_encoder
from rnnet.planning.plan import ExperimentPlan
from rnnet.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from rnnet.training.reuse import check_same_images
from rnnet.training.state import FitState


@dataclass(frozen=True, slots=True)
class WeightsImport:
    """What became of each tensor of a foreign file; stored beside the checkpoint.

    Attributes:
        file: name of the foreign file.
        sha256: its digest, as sha256sum prints it.
        layout: as which it was read.
        network: 'vit' or 'resnet50'.
        used: tensors of the network here that are as they were stored.
        adapted: what was changed, in sentences.
        unused: stored tensors that are no part of the encoder, by their stored name.
        missing: tensors of the network that the file does not have: set so that they change nothing, or started anew.
        origin: whom the weights have seen, in a sentence; empty where that is known.
    """

    file: str
    sha256: str
    layout: str
    network: str
    used: tuple[str, ...]
    adapted: tuple[str, ...]
    unused: tuple[str, ...]
    missing: tuple[str, ...]
    origin: str


def import_weights(
    plan: ExperimentPlan, source: Path, output: Path, *, layout: str = "auto", axes: Axes = "zyx"
) -> WeightsImport:
    """Write the weights of `source` as a checkpoint of the plan's network, and the account beside it.

    An encoder of rnnet brings along whom it has seen; nobody knows that of other weights, and the checkpoint says so.
    That of a trained classifier has learned from outcomes: no fold may be validated on anyone whom it has seen.

    Args:
        plan: its network, crop and channels.
        source: the foreign file.
        output: the checkpoint.
        layout: a name in LAYOUTS, or 'auto'.
        axes: the order of the axes of the volumes that the weights were trained on.

    Raises:
        SettingError: the checkpoint cannot be written there.
        RnnetError: the file cannot be read, has no known layout, is incomplete, or holds another network than the plan
            describes; see read_tensors, foreign_encoder and fit_to_plan.
    """
    _check_output(source, output)
    own = _own_checkpoint(source)
    try:
        if own is None:
            name, foreign = foreign_encoder(read_tensors(source), layout)
        else:
            name, foreign = foreign_encoder(own.model, "rnnet" if layout == "auto" else layout)
            foreign = _with_recorded(foreign, own, plan)
        state, report = fit_to_plan(foreign, plan, axes=axes)
    except RnnetError as error:
        # Those below know tensors, not files.
        raise error if error.where else type(error)(error.problem, where=source, fix=error.fix) from error
    digest = file_digest(source)
    origin = own.origin if own is not None else unknown_origin(source.name, digest)
    checkpoint = Checkpoint(
        kind="pretrain", plan=to_plain(plan), config="resnet50" if foreign.kind == "resnet50" else "pretrain",
        in_channels=len(plan.channels), channel_names=plan.channels, positive_outcome="", state=FitState(),
        model={f"encoder.{n}": tensor for n, tensor in state.items()}, patients_seen=(),
        rnnet_version=package_version("rnnet"), inputs={"imported weights": digest}, origin=origin,
    )
    _make_folder(output.parent)
    write_checkpoint(output, checkpoint if own is None else replace(checkpoint, **_whom_it_saw(own)))
    result = WeightsImport(
        source.name, file_sha256(source), name, foreign.kind, report.used, report.adapted, report.unused,
        report.missing, origin,
    )
    write_artefact(import_report(output), result)
    return result


def _check_output(source: Path, output: Path) -> None:
    """Nothing, if a checkpoint can be written there; asked first, as reading large weights takes its time."""
    if output.is_dir():
        raise SettingError("This is a folder, and the checkpoint is a file.", where=output,
                           fix=f"Give a file, for example -o {output / 'encoder.pth'}.")
    if output.suffix == import_report(output).suffix:
        raise SettingError("The account of the import takes this name.", where=output,
                           fix=f"Give another ending: -o {output.with_suffix('.pth')}.")
    if output.resolve() == source.resolve():
        raise SettingError("The checkpoint would replace the weights that it is made from.", where=output,
                           fix="Give another file with -o.")
    folder = next(parent for parent in output.resolve().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise SettingError(f"The checkpoint cannot be written: {folder} is no folder that you may write to.",
                           where=output, fix="Give another file with -o.")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"The folder cannot be made ({error.strerror}).", where=folder,
                           fix="Give a file in another folder with -o.") from error


def unknown_origin(name: str, digest: str) -> str:
    """What must be said of weights whose training nobody recorded."""
    return (
        f"The encoder started from the weights '{name}' (SHA-256 {digest}...), which were not made by rnnet: whom they "
        "have seen is not recorded, so that patients of the test sets may be among them."
    )


def _own_checkpoint(source: Path) -> Checkpoint | None:
    """The file as a checkpoint of rnnet, None if it is something else."""
    try:
        return read_checkpoint(source, made_by="rnnet_pretrain")
    except (FileFormatError, MissingStageError):
        return None


def _with_recorded(foreign: ForeignEncoder, own: Checkpoint, plan: ExperimentPlan) -> ForeignEncoder:
    """With what the shapes do not show and a checkpoint of rnnet records.

    Raises:
        SettingError: its channels are not the first ones of the plan, so that each would mean something else; or its
            images were prepared in another way.
    """
    check_same_images(own, plan)
    both = min(len(own.channel_names), len(plan.channels))
    if own.channel_names[:both] != plan.channels[:both]:
        raise SettingError(
            f"The encoder has seen {', '.join(own.channel_names)}, and the plan has {', '.join(plan.channels)}.",
            fix="Use an encoder of the plan's channels.",
        )
    heads = {"network.heads": int(own.plan["network"]["heads"])} if foreign.kind == "vit" else {}
    return replace(foreign, settings={**foreign.settings, **heads})


def _whom_it_saw(own: Checkpoint) -> dict[str, Any]:
    """The fields of a checkpoint that say whom its weights have seen, by names that hold in every data set."""
    def qualified(patients: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(p if "/" in p else f"{own.plan['dataset']}/{p}" for p in patients)

    kept = ("names_seen", "images_seen", "scans_unhashed", "leaks", "steered_scans")
    fields = {
        **{name: getattr(own, name) for name in kept},
        **{name: qualified(getattr(own, name)) for name in ("patients_seen", "patients_unknown", "steered_by")},
    }
    if own.kind == "classifier":
        # Those whom only its pretraining saw are among them: who is who is not recorded.
        fields |= {"steered_by": fields["patients_seen"], "steered_scans": tuple(sorted(own.images_seen or {}))}
    return fields
