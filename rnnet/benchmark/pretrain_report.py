"""The figures of a measured pretraining step as tables, the aims beside them."""

from __future__ import annotations

from rnnet.benchmark.pretrain import (
    AIM_CUBES_PER_SECOND,
    AIM_INPUT_SHARE,
    AIM_MEMORY_ERROR,
    AIM_MFU,
    PretrainSpeed,
)
from rnnet.planning.plan import ExperimentPlan

PHASE_HEADER = ("phase", "seconds", "share")
SPEED_HEADER = ("figure", "measured", "aim")
_AIMS_HOLD_FOR = ("ViT-B", 64, 16, 8)


def phase_rows(speed: PretrainSpeed) -> list[tuple[str, str, str]]:
    """Seconds of each phase; on a GPU data is prepared beside the others, so shares may add up to more than one."""
    rows = [(name, seconds) for name, seconds in speed.phase_seconds.items()]
    rows.append(("step, from end to end", speed.step_seconds))
    return [(name, f"{seconds:.4f}", f"{seconds / speed.step_seconds:.1%}") for name, seconds in rows]


def speed_rows(speed: PretrainSpeed, *, network: str, plan: ExperimentPlan) -> list[tuple[str, str, str]]:
    """One row for each figure; an aim only stands where it was set for such a run, and 'missed' where it is not met.

    The machine's peak is the rate of the median matrix product: the MFU is against it, the best product is shown.
    """
    is_cpu = speed.device == "cpu"
    set_for_this = is_the_run_of_the_aims(speed, network, plan)
    mfu_aim = AIM_MFU["cpu" if is_cpu else "cuda"]
    rows = [
        ("cubes/s", f"{speed.cubes_per_second:.2f}",
         _aim(f"at least {AIM_CUBES_PER_SECOND:g} on two cores", speed.cubes_per_second >= AIM_CUBES_PER_SECOND)
         if set_for_this and is_cpu else ""),
        ("GFLOP of a step, by formula", f"{speed.step_flops / 1e9:.0f}", ""),
        ("GFLOP/s reached", f"{speed.step_flops / speed.step_seconds / 1e9:.0f}", ""),
        ("machine's peak: median product, GFLOP/s", f"{speed.peak.flops_per_second / 1e9:.0f}", ""),
        ("best single product, GFLOP/s", f"{speed.peak.best_flops_per_second / 1e9:.0f}", ""),
        ("MFU (reached / machine's peak)", f"{speed.mfu:.2f}",
         _aim(f"at least {mfu_aim:.2f}", speed.mfu >= mfu_aim) if set_for_this else ""),
        ("input's share of the step", f"{speed.input_share:.1%}",
         _aim(f"under {AIM_INPUT_SHARE:.0%}", speed.input_share < AIM_INPUT_SHARE)),
        ("GiB of a step, planner's estimate", f"{speed.estimated_bytes / 2**30:.2f}", ""),
    ]
    if speed.peak_bytes is None or speed.memory_ratio is None:
        return [*rows, ("GiB of a step, real", "not told", "")]
    low, high = 1 - AIM_MEMORY_ERROR, 1 + AIM_MEMORY_ERROR
    return [
        *rows, ("GiB of a step, real", f"{speed.peak_bytes / 2**30:.2f}", ""),
        ("estimate / real", f"{speed.memory_ratio:.2f}",
         _aim(f"{low:.2f} to {high:.2f}", low <= speed.memory_ratio <= high)),
    ]


def speed_notes(speed: PretrainSpeed, *, network: str, plan: ExperimentPlan) -> list[str]:
    """What the rows have no room for."""
    shape = " x ".join(map(str, speed.peak.shape))
    lines = [f"Product of the peak: {shape} in {speed.precision}, the fastest shape of those tried."]
    if not is_the_run_of_the_aims(speed, network, plan):
        name, edge, token, size = _AIMS_HOLD_FOR
        lines.append(f"Aims of cubes/s and MFU: {name}, tokens of {token} in {edge} voxels, batch {size}, bfloat16.")
    return lines


def is_the_run_of_the_aims(speed: PretrainSpeed, network: str, plan: ExperimentPlan) -> bool:
    """Whether it is network, sizes, batch and precision that the aims of speed were set for."""
    described = (network, plan.crop.edge_vox, plan.network.token_edge_vox, plan.pretrain.batch_size)
    return described == _AIMS_HOLD_FOR and speed.precision == "bfloat16"


def _aim(text: str, is_met: bool) -> str:
    return text if is_met else f"{text}: missed"
