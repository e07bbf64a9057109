"""Speed of pretraining as it is: crops from the table, views, network, optimiser; beside the peak of the machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from statistics import median

import torch

from rnnet.benchmark.flops import step_flops
from rnnet.benchmark.matrix_peak import MatrixPeak, PeakMeter, network_shapes, wait_for
from rnnet.core.errors import SettingError
from rnnet.core.seeding import seed_for
from rnnet.planning.plan import ExperimentPlan, NetworkPlan
from rnnet.planning.step_memory import pretraining_memory
from rnnet.training.distributed import ProcessGroup
from rnnet.training.loader import CropTable
from rnnet.training.memory_meter import MemoryMeter
from rnnet.training.out_of_memory import memory_advice
from rnnet.training.precision import Precision, choose_precision, open_device, training_numerics
from rnnet.training.pretrain_task import PretrainTask
from rnnet.training.step import Ahead, learn, take_step

# width, heads; the depth is 12. ViT-B: Dosovitskiy 2021; ViT-S, ViT-Ti: Touvron 2021.
NETWORKS = {"ViT-B": (768, 12), "ViT-S": (384, 6), "ViT-Ti": (192, 3)}
PHASES = ("data", "forward", "backward", "optimizer")
AIM_MFU = {"cpu": 0.70, "cuda": 0.40}
AIM_CUBES_PER_SECOND = 7.0  # ViT-B at 64^3, batch 8, on two CPU cores with fast bfloat16
AIM_INPUT_SHARE = 0.05
AIM_MEMORY_ERROR = 0.15
AIM_PEER_RATIO = 5.0
_WARM_UP_STEPS = 2
_BATCHES = 8  # in the made-up corpus


@dataclass(frozen=True, slots=True)
class PretrainSpeed:
    """One measurement.

    Attributes:
        device: where.
        threads: of the CPU.
        precision: of the matrix products.
        parameters: of encoder and heads.
        batch_size: crops of a step; each gives two views.
        steps: counted steps.
        step_seconds: median from the start of one step to the start of the next.
        phase_seconds: median of each of PHASES, the device waited for at the end of each.
        input_seconds: what the data add to a step: on a GPU only what the network's work does not hide.
        step_flops: arithmetic of a step.
        peak: of the machine's matrix products in this precision, in the same seconds.
        estimated_bytes: memory of a step by the planner's formula.
        peak_bytes: its real memory; None where the system does not tell.
    """

    device: str
    threads: int
    precision: str
    parameters: int
    batch_size: int
    steps: int
    step_seconds: float
    phase_seconds: Mapping[str, float]
    input_seconds: float
    step_flops: int
    peak: MatrixPeak
    estimated_bytes: int
    peak_bytes: int | None

    @property
    def cubes_per_second(self) -> float:
        """Crops from end to end."""
        return self.batch_size / self.step_seconds

    @property
    def mfu(self) -> float:
        """Model FLOPs utilisation (Chowdhery 2022): arithmetic of the model per second over the machine's peak."""
        return self.step_flops / self.step_seconds / self.peak.flops_per_second

    @property
    def input_share(self) -> float:
        """Share of a step that it would be shorter by without its data."""
        return self.input_seconds / self.step_seconds

    @property
    def memory_ratio(self) -> float | None:
        """Estimated over real memory."""
        return self.estimated_bytes / self.peak_bytes if self.peak_bytes else None


def benchmark_plan(network: str, *, edge_vox: int, token_edge_vox: int, batch_size: int) -> ExperimentPlan:
    """The default plan with one of NETWORKS; as training reads it, whatever the data."""
    width, heads = NETWORKS[network]
    plan = ExperimentPlan(
        name="benchmark", planner="default", dataset="made up", positive_outcome="radiation_necrosis",
        negative_outcome="progression",
    )
    net = NetworkPlan(token_edge_vox=token_edge_vox, width=width, depth=12, heads=heads)
    return replace(
        plan, network=net, crop=replace(plan.crop, edge_vox=edge_vox),
        pretrain=replace(plan.pretrain, batch_size=batch_size),
    )


def made_up_crops(plan: ExperimentPlan, count: int, device: torch.device) -> CropTable:
    """Smooth noise in a round brain with a ball for a lesion; stored as training stores crops."""
    edge = plan.crop.edge_vox
    generator = torch.Generator().manual_seed(seed_for(plan.seed, "made-up crops"))
    along = torch.arange(edge) - (edge - 1) / 2
    radius = (along[:, None, None] ** 2 + along[:, None] ** 2 + along**2).sqrt()
    images = torch.randn((count, edge, edge, edge), generator=generator) * (radius < 0.6 * edge)
    masks = (radius < edge / 8).expand(count, edge, edge, edge).contiguous()
    names = tuple(str(number) for number in range(count))
    return CropTable(names, names, images.to(device=device, dtype=torch.float16), masks.to(device), device)


def measure_pretraining(
    plan: ExperimentPlan, *, device: str, precision: Precision = "auto", steps: int = 6
) -> PretrainSpeed:
    """Train on made-up crops for `steps` steps after a warm-up, with everything that training does in a step.

    Raises:
        RnnetError: the device is not there, or its memory is not enough.
    """
    place = open_device(device)
    chosen = choose_precision(precision, place)
    dtype = torch.bfloat16 if chosen == "bfloat16" else torch.float32
    size = plan.pretrain.batch_size
    if size < 2:
        raise SettingError(f"The field 'pretrain.batch_size' must be at least 2. Got {size} instead.")
    crops = made_up_crops(plan, _BATCHES * size, place)
    with training_numerics(place), memory_advice("pretrain"):
        products = PeakMeter(place, dtype, network_shapes(plan))
        meter = MemoryMeter(place)
        task = PretrainTask(plan, crops, precision=chosen)
        for number in range(_WARM_UP_STEPS):
            train_step(task, number, lambda _: None)
        meter.restart()
        phases = []
        for number in range(steps):
            products.sample()
            phases.append(_phases(task, _WARM_UP_STEPS + number))
        products.sample()
        peak_bytes = meter.peak_bytes()
        split = {name: median(step[name] for step in phases) for name in PHASES}
        whole, data = median(sum(step.values()) for step in phases), split["data"]
        if place.type == "cuda":
            whole = _overlapped_seconds(task, steps)
            data = max(0.0, whole - _overlapped_seconds(task, steps, same_batch=True))
    return PretrainSpeed(
        device=torch.cuda.get_device_name(place) if place.type == "cuda" else place.type,
        threads=torch.get_num_threads(), precision=chosen,
        parameters=sum(p.numel() for p in task.model.parameters()), batch_size=size, steps=steps, step_seconds=whole,
        phase_seconds=split, input_seconds=data, step_flops=step_flops(plan), peak=products.peak(),
        estimated_bytes=pretraining_memory(plan, precision=chosen, device_type=place.type).step_bytes(size),
        peak_bytes=peak_bytes,
    )


def train_step(task: PretrainTask, number: int, mark: Callable[[str], None]) -> None:
    """Everything that training does in step `number`; `mark` hears the name of each phase when it ends."""
    epoch, step = divmod(number, len(task.batches(0)))
    task.begin_epoch(epoch)
    torch.manual_seed(number)
    take_step(task, task.batches(epoch)[step], epoch, step, mark=mark)


def _phases(task: PretrainTask, number: int) -> dict[str, float]:
    """Seconds of each phase of one step; parts of an accumulated batch are added up."""
    seconds = dict.fromkeys(PHASES, 0.0)
    last = time.perf_counter()

    def mark(phase: str) -> None:
        nonlocal last
        wait_for(task.device)
        now = time.perf_counter()
        seconds[phase] += now - last
        last = now

    train_step(task, number, mark)
    return seconds


def _overlapped_seconds(task: PretrainTask, steps: int, *, same_batch: bool = False) -> float:
    """Seconds from step to step when the next batch is prepared meanwhile, as training does on a GPU.

    same_batch: take one prepared batch again and again, for a step without its data.
    """
    ahead, epoch, seconds = Ahead(task), 0, list[float]()
    while len(seconds) < steps:
        moments, batches = list[float](), task.batches(epoch)
        ahead.begin_epoch(epoch, batches)
        first = ahead.take(0)
        for number in range(len(batches)):
            parts = first if same_batch else ahead.take(number)
            meanwhile = partial(ahead.prefetch, number + 1)
            learn(task, parts, epoch, number, ProcessGroup(), meanwhile=(lambda: None) if same_batch else meanwhile)
            moments.append(time.perf_counter())
        # The first difference that counts is that of the step after the warm-up.
        start = _WARM_UP_STEPS - 1 if epoch == 0 else 0
        seconds += [after - before for before, after in pairwise(moments[start:])]
        epoch += 1
    return median(seconds[:steps])
