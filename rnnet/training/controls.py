"""Negative controls: the same training with something taken away, to show what the figures of a model rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import SettingError, UnknownComponentError
from rnnet.core.seeding import rng_for
from rnnet.core.types import CONTROLS, LesionCase
from rnnet.networks.classifier import channels_of
from rnnet.planning.plan import ExperimentPlan
from rnnet.preprocessing.state import PreprocessedCase
from rnnet.training.loader import ReadCase

# Under which a control stands among the inputs of its checkpoint: whoever predicts with it changes the input alike.
CONTROL_INPUT = "negative control"
_MASK_CHANNEL = 1
_NEEDS_MASK = ("mask_only", "volume_only")


def check_control(control: str, config: str) -> None:
    """Nothing, if the configuration has this control; '' is no control.

    Raises:
        UnknownComponentError: no such control.
        SettingError: the configuration does not see the mask that the control is about, or a random encoder of it
            tells nothing.
    """
    if control and control not in CONTROLS:
        raise UnknownComponentError.of("negative control", control, CONTROLS)
    if control in _NEEDS_MASK and _MASK_CHANNEL not in channels_of(config):
        raise SettingError(f"The control '{control}' is about the lesion mask, which '{config}' does not see.",
                           fix="Use -c ssl_vit, vit_scratch or resnet50.")
    if control == "random_encoder" and config == "resnet50":
        # Its features would be poor for want of normalisation, not for want of learning.
        raise SettingError(
            "A random ResNet50 is no control: the statistics of its batch normalisation have seen no scan.",
            fix="Use -c ssl_vit, vit_scratch or ssl_vit_t1ce.",
        )


def controlled_plan(plan: ExperimentPlan, control: str) -> ExperimentPlan:
    """The plan that the control trains with.

    A random encoder stays as it was drawn: only the last layer is trained, for as many epochs as the model itself
    takes in all, so that the control does not lose for want of training. Shuffled labels take the last epoch: true
    outcomes of the validation part, which choose the model's epoch, would choose the luckiest of directions.
    """
    if control == "shuffled_labels":
        return replace(plan, finetune=replace(plan.finetune, select_best_by="last"))
    if control != "random_encoder":
        return plan
    epochs = plan.finetune.probe_epochs + plan.finetune.epochs
    return replace(plan, finetune=replace(plan.finetune, probe_epochs=epochs, epochs=0))


def controlled_training_cases(
    cases: Sequence[LesionCase], control: str, *, seed: int, name: str
) -> tuple[LesionCase, ...]:
    """Training cases with the outcomes that the control trains on, in their order.

    'shuffled_labels' deals the outcomes out again between the patients: patient by patient in a drawn order, so that
    as many lesions as before have each outcome, and lesions of one patient still mostly agree. seed, name: of the run.
    """
    if control != "shuffled_labels":
        return tuple(cases)
    outcomes: dict[str, list[str | None]] = {}
    for case in cases:
        outcomes.setdefault(case.patient_id, []).append(case.outcome)
    patients = sorted(outcomes)
    drawn = rng_for(seed, "shuffled labels", name).permutation(len(patients))
    dealt = iter([outcome for i in drawn for outcome in outcomes[patients[i]]])
    given = {patient: [next(dealt) for _ in outcomes[patient]] for patient in patients}
    return tuple(replace(case, outcome=given[case.patient_id].pop(0)) for case in cases)


def controlled_reader(read_case: ReadCase, control: str) -> ReadCase:
    """`read_case`, with the input that the control sees in place of the real one, in training and in prediction.

    'mask_only' blanks the image. 'volume_only' also puts a ball of as many voxels as the lesion has into the middle of
    the cube, in place of its mask: shape and place in the crop are gone, and all that is left is the volume, in a form
    that the same network can read.
    """
    return _Controlled(read_case, control) if control in _NEEDS_MASK else read_case


@dataclass(frozen=True, slots=True)
class _Controlled:
    read_case: ReadCase
    control: str

    def __call__(self, case: LesionCase) -> PreprocessedCase:
        crop = self.read_case(case)
        mask = crop.array[_MASK_CHANNEL]
        if self.control == "volume_only":
            mask = centered_ball(mask.shape, int((mask > 0.5).sum()))
        array = np.stack([np.zeros_like(crop.array[0]), mask]).astype(crop.array.dtype)
        return replace(crop, array=array)


def centered_ball(shape_zyx: Sequence[int], voxels: int) -> npt.NDArray[np.float32]:
    """(z, y, x) of 0 and 1: the `voxels` voxels that lie nearest to the middle, so that their number is exact."""
    along = [(np.arange(size) - (size - 1) / 2) ** 2 for size in shape_zyx]
    distance = along[0][:, None, None] + along[1][:, None] + along[2]
    ball = np.zeros(distance.size, np.float32)
    ball[np.argsort(distance, axis=None, kind="stable")[:voxels]] = 1.0
    return ball.reshape(distance.shape)


def recorded_control(inputs: Mapping[str, str]) -> str:
    """The control that a checkpoint's inputs record; '' for a real model."""
    return inputs.get(CONTROL_INPUT, "")
