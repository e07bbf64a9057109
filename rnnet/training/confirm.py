"""One real step with the planned batch, to confirm the planner's memory estimate."""

from __future__ import annotations

from typing import Literal

import torch

from rnnet.core.errors import RnnetError
from rnnet.core.log import get_logger
from rnnet.networks.classifier import build_classifier, channels_of
from rnnet.planning.plan import ExperimentPlan
from rnnet.training.classify_task import ClassifyTask, LabelledCrops
from rnnet.training.loader import CropTable
from rnnet.training.loop import take_step
from rnnet.training.precision import Precision, choose_precision, open_device, training_numerics
from rnnet.training.pretrain_task import PretrainTask
from rnnet.training.task import Task

log = get_logger(__name__)

_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def confirm_batch_size(
    plan: ExperimentPlan, *, stage: Literal["pretrain", "finetune"], device: str, config: str = "ssl_vit",
    precision: Precision = "auto",
) -> int | None:
    """Run one step on made-up crops and return its peak memory in bytes; None where the device does not tell.

    Raises:
        RnnetError: the batch does not fit; names the field of the plan to lower.
    """
    place = open_device(device)
    if place.type == "cuda":
        torch.cuda.reset_peak_memory_stats(place)
    size = plan.pretrain.batch_size if stage == "pretrain" else plan.finetune.batch_size
    try:
        with training_numerics(place):
            task = _task(plan, stage, config, size, place, choose_precision(precision, place))
            task.begin_epoch(0)
            take_step(task, torch.arange(size), 0, 0)
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, RuntimeError) and not any(text in str(error).lower() for text in _OUT_OF_MEMORY):
            raise
        raise RnnetError(
            f"A batch of {size} lesions does not fit into the memory of {device}.",
            fix=f"Lower {stage}.batch_size: --set {stage}.batch_size={max(2, size // 2)}",
        ) from error
    if place.type != "cuda":
        return None
    peak = int(torch.cuda.max_memory_allocated(place))
    del task
    torch.cuda.empty_cache()
    log.info("One step of %d lesions needs %.2f GiB of %s.", size, peak / 2**30, device)
    return peak


def _task(
    plan: ExperimentPlan, stage: str, config: str, size: int, device: torch.device,
    precision: Literal["bfloat16", "float32"],
) -> Task:
    shape = (size, *plan.input_shape[1:])
    # The largest first: where it does not fit, the names are not made.
    images, masks = (torch.zeros(shape, dtype=dtype, device=device) for dtype in (torch.float32, torch.bool))
    names = tuple(str(i) for i in range(size))
    crops = CropTable(names, names, images, masks, device)
    if stage == "pretrain":
        return PretrainTask(plan, crops, precision=precision)
    return ClassifyTask(
        plan, build_classifier(plan, config=config), LabelledCrops(crops, torch.arange(size) % 2), validation=None,
        channels=channels_of(config), probe_epochs=0, name=config, precision=precision,
    )
