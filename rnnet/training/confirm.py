"""One real step with the planned batch: does it fit, and is the planner's memory estimate right?"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch

from rnnet.core.errors import RnnetError
from rnnet.core.log import get_logger
from rnnet.networks.classifier import build_classifier, channels_of
from rnnet.planning.plan import ExperimentPlan
from rnnet.planning.step_memory import finetuning_memory, pretraining_memory
from rnnet.training.classify_task import ClassifyTask, LabelledCrops
from rnnet.training.loader import CropTable
from rnnet.training.memory_meter import MemoryMeter
from rnnet.training.out_of_memory import is_out_of_memory
from rnnet.training.precision import Precision, choose_precision, open_device, training_numerics
from rnnet.training.pretrain_task import PretrainTask
from rnnet.training.step import take_step
from rnnet.training.task import Task

log = get_logger(__name__)

# Below, what libraries set aside is much of what is measured, and any machine has it.
_WORTH_TELLING_BYTES = 128 * 2**20


def confirm_batch_size(
    plan: ExperimentPlan, *, stage: Literal["pretrain", "finetune"], device: str, config: str = "ssl_vit",
    precision: Precision = "auto", n_processes: int = 1,
) -> int | None:
    """Train a step on made-up crops and return its peak memory in bytes; None where the system does not tell.

    The log shows it beside the planner's estimate. The step is the second one: the first makes the optimiser's moments.

    n_processes: that share each batch; tried out is the share of one, without what the exchange itself takes.

    Raises:
        RnnetError: the batch does not fit; names the fields of the plan to change.
    """
    place = open_device(device)
    chosen = choose_precision(precision, place)
    whole = plan
    if n_processes > 1:
        share = plan.pretrain.batch_size // n_processes
        plan = replace(plan, pretrain=replace(plan.pretrain, batch_size=share))
    size = getattr(plan, stage).batch_size
    try:
        with training_numerics(place):
            crops = _empty_crops(plan, max(size, 2), place)  # both outcomes must be there
            meter = MemoryMeter(place)
            task = _task(plan, stage, config, crops, chosen)
            task.begin_epoch(0)
            for step in (0, 1):
                meter.restart()
                take_step(task, torch.arange(size), 0, step)
            peak = meter.peak_bytes()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise RnnetError(
            f"A batch of {size} lesions does not fit into the memory of {device}.",
            fix=_cure(whole, stage, config, n_processes),
        ) from error
    if place.type == "cuda":
        del task
        torch.cuda.empty_cache()
    _report(plan, stage, config, size, peak, chosen, place.type)
    return peak


def _report(
    plan: ExperimentPlan, stage: str, config: str, size: int, peak: int | None,
    precision: Literal["bfloat16", "float32"], device_type: str,
) -> None:
    """The estimate and the real peak, unless that is too small to matter; the ResNet has no estimate."""
    if peak is None:
        log.info("A step of %d lesions fits; this system does not tell how much memory it takes.", size)
        return
    if peak < _WORTH_TELLING_BYTES:
        return
    if config == "resnet50":
        log.info("A step of %d lesions takes %s in %s.", size, _memory_text(peak), precision)
        return
    of_stage = pretraining_memory if stage == "pretrain" else finetuning_memory
    expected = of_stage(plan, precision=precision, device_type=device_type).step_bytes(size)
    log.info(
        "A step of %d lesions takes %s of memory in %s; the planner expected %s.",
        size, _memory_text(peak), precision, _memory_text(expected),
    )


def _memory_text(n_bytes: float) -> str:
    return f"{n_bytes / 2**30:.1f} GiB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.0f} MiB"


def _cure(plan: ExperimentPlan, stage: str, config: str, n_processes: int) -> str:
    """Only values that the next run accepts: parts of equal size, in pretraining of at least two lesions."""
    size, parts = getattr(plan, stage).batch_size, getattr(plan, stage).accumulate_steps
    fewest, shares = (2 * parts, parts * n_processes) if stage == "pretrain" else (1, 1)
    ways = []
    half = size // 2 // shares * shares
    if half >= fewest:
        ways.append(f"--set {stage}.batch_size={half}")
    if (stage == "finetune" and 2 * parts <= size) or (size >= 2 * fewest and size % (2 * shares) == 0):
        ways.append(f"--set {stage}.accumulate_steps={2 * parts}, which works on the same batch in parts")
    if config != "resnet50":
        if not plan.network.checkpoint_blocks:
            ways.append("--set network.checkpoint_blocks=true")
        ways.append("a smaller network (network.width, network.depth)")
    return f"Use {'; or '.join(ways)}." if ways else "Use a smaller network (network.resnet_base_width)."


def _empty_crops(plan: ExperimentPlan, size: int, device: torch.device) -> CropTable:
    shape = (size, *plan.input_shape[1:])
    # The largest first: where it does not fit, the names are not made.
    images, masks = (torch.zeros(shape, dtype=dtype, device=device) for dtype in (torch.float16, torch.bool))
    names = tuple(str(i) for i in range(size))
    return CropTable(names, names, images, masks, device)


def _task(
    plan: ExperimentPlan, stage: str, config: str, crops: CropTable, precision: Literal["bfloat16", "float32"]
) -> Task:
    if stage == "pretrain":
        return PretrainTask(plan, crops, precision=precision)
    return ClassifyTask(
        plan, build_classifier(plan, config=config), LabelledCrops(crops, torch.arange(len(crops)) % 2),
        validation=None, channels=channels_of(config), probe_epochs=0, name=config, precision=precision,
    )
