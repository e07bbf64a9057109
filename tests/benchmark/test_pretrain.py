"""Structure and arithmetic of the pretraining benchmark; its seconds are nobody's business here."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from rnnet.benchmark import matrix_peak, monai_peer, plain_peer
from rnnet.benchmark.flops import step_flops
from rnnet.benchmark.matrix_peak import MatrixPeak, PeakMeter, network_shapes
from rnnet.benchmark.pretrain import (
    PHASES,
    PretrainSpeed,
    benchmark_plan,
    made_up_crops,
    measure_pretraining,
)
from rnnet.benchmark.pretrain_report import SPEED_HEADER, phase_rows, speed_notes, speed_rows
from rnnet.cli.benchmark import build_parser, main
from rnnet.cli.benchmark_pretrain import _print_plain
from rnnet.core.errors import MissingDependencyError, SettingError
from rnnet.planning.plan import ExperimentPlan, with_settings
from rnnet.reporting.screen import text_table
from rnnet.training.pretrain_task import PretrainTask
from tests.factories import make_plan

CPU = torch.device("cpu")


def counted_flops(plan: ExperimentPlan) -> int:
    """What torch counts in forward and backward of one step."""
    size = plan.pretrain.batch_size
    task = PretrainTask(plan, made_up_crops(plan, size, CPU), precision="float32")
    parts = task.prepare(torch.arange(size), 0, 0)
    with FlopCounterMode(display=False) as counter:
        for part in parts:
            task.losses(part)["loss"].backward()  # type: ignore[no-untyped-call]
    return counter.get_total_flops()


@pytest.mark.parametrize(
    "settings",
    [
        (), ("network.class_token=true",), ("network.pooling=attentive", "crop.edge_vox=24"),
        ("network.patch_embed=conv_stem",), ("network.mlp_ratio=2", "network.layer_scale=0.1"),
        ("pretrain.accumulate_steps=2",),
    ],
)
def test_the_formula_counts_what_torch_counts_on_the_real_model(settings: tuple[str, ...]) -> None:
    plan = make_plan(*settings)
    assert step_flops(plan) == pytest.approx(counted_flops(plan), rel=0.01)


def test_vit_b_at_64_voxels_takes_twelve_gflop_a_view_without_its_heads() -> None:
    plan = benchmark_plan("ViT-B", edge_vox=64, token_edge_vox=16, batch_size=8)
    encoder = (step_flops(plan) / (2 * 8 * 3)) / 1e9
    assert encoder == pytest.approx(11.95, rel=0.05)


def test_what_is_computed_again_is_no_progress() -> None:
    assert step_flops(make_plan("network.checkpoint_blocks=true")) == step_flops(make_plan())


def test_the_peak_is_what_the_fastest_shape_keeps_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_peak, "_SQUARES", {"cpu": (8,)})
    monkeypatch.setattr(matrix_peak, "_REPEATS", 3)
    # Three products of each shape to choose from, then three samples.
    seconds = iter([9.0, 2.0, 4.0, 9.0, 1.0, 3.0, 1.0, 4.0, 2.0])
    monkeypatch.setattr(matrix_peak, "_seconds", lambda *_: next(seconds))
    meter = PeakMeter(CPU, torch.bfloat16, [(4, 16, 32)])
    meter.sample()
    flops = 2 * 4 * 16 * 32
    assert meter.peak() == MatrixPeak(flops / 2.0, flops / 1.0, (4, 16, 32))


def test_the_networks_own_products_are_among_the_shapes() -> None:
    plan = make_plan("pretrain.batch_size=4")
    assert network_shapes(plan) == ((64, 24, 72), (64, 24, 96), (64, 96, 24))


SPEED = PretrainSpeed(
    device="cpu", threads=2, precision="bfloat16", parameters=95_000_000, batch_size=8, steps=3, step_seconds=1.0,
    phase_seconds={"data": 0.1, "forward": 0.3, "backward": 0.5, "optimizer": 0.1}, input_seconds=0.1,
    step_flops=600_000_000_000,
    peak=MatrixPeak(800e9, 900e9, (1024, 768, 3072)), estimated_bytes=2 * 2**30, peak_bytes=2**31 + 2**29,
)
PLAN = benchmark_plan("ViT-B", edge_vox=64, token_edge_vox=16, batch_size=8)


def test_rates_and_shares_follow_from_the_measured_seconds() -> None:
    assert SPEED.cubes_per_second == 8
    assert SPEED.mfu == pytest.approx(0.75)
    assert SPEED.input_share == pytest.approx(0.1)
    assert SPEED.memory_ratio == pytest.approx(0.8)
    # Where data is prepared meanwhile, only what is left of the step counts.
    hidden = replace(SPEED, step_seconds=0.92, input_seconds=0.02)
    assert hidden.input_share == pytest.approx(0.02 / 0.92)


def test_aims_stand_beside_the_figures_only_where_they_were_set() -> None:
    rows = {name: (value, aim) for name, value, aim in speed_rows(SPEED, network="ViT-B", plan=PLAN)}
    assert rows["cubes/s"] == ("8.00", "at least 7 on two cores")
    assert rows["MFU (reached / machine's peak)"] == ("0.75", "at least 0.70")
    assert rows["estimate / real"] == ("0.80", "0.85 to 1.15: missed")
    assert rows["input's share of the step"] == ("10.0%", "under 5%: missed")
    met = {n: aim for n, _, aim in speed_rows(replace(SPEED, input_seconds=0.01), network="ViT-B", plan=PLAN)}
    assert met["input's share of the step"] == "under 5%"
    other = {name: aim for name, _, aim in speed_rows(SPEED, network="ViT-S", plan=PLAN)}
    assert other["cubes/s"] == ""
    assert len(speed_notes(SPEED, network="ViT-B", plan=PLAN)) == 1
    assert "1024 x 768 x 3072" in speed_notes(SPEED, network="ViT-S", plan=PLAN)[0]
    assert "MFU: ViT-B" in speed_notes(SPEED, network="ViT-S", plan=PLAN)[1]
    lines = text_table(SPEED_HEADER, speed_rows(SPEED, network="ViT-B", plan=PLAN)).splitlines()
    assert len(lines) == 2 + len(rows)  # no cell over two lines
    assert max(map(len, lines)) <= 80
    untold = {name: value for name, value, _ in speed_rows(replace(SPEED, peak_bytes=None), network="ViT-B", plan=PLAN)}
    assert untold["GiB of a step, real"] == "not told"
    assert phase_rows(SPEED)[0] == ("data", "0.1000", "10.0%")


def test_a_measurement_trains_the_products_own_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_peak, "_SQUARES", {"cpu": (16,)})
    speed = measure_pretraining(make_plan(), device="cpu", precision="float32", steps=2)
    assert tuple(speed.phase_seconds) == PHASES
    assert all(seconds > 0 for seconds in speed.phase_seconds.values())
    assert speed.step_seconds > 0
    assert speed.precision == "float32"
    with pytest.raises(SettingError, match="at least 2"):
        measure_pretraining(make_plan("pretrain.batch_size=1"), device="cpu")


def test_the_commands_choices_are_the_benchmarks(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = build_parser().parse_args(["pretrain", "--network", "ViT-S", "--set", "pretrain.views.scaling=0.1"])
    assert (arguments.edge, arguments.token_edge, arguments.batch_size) == (64, 16, 8)
    assert main(["pretrain", "--network", "ViT-Ti", "--edge", "60", "-device", "cpu"]) == 2
    assert "multiple of network.token_edge_vox" in capsys.readouterr().err


def test_a_missing_peer_is_named_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "monai", None)
    with pytest.raises(MissingDependencyError, match="MONAI is not installed") as caught:
        monai_peer.measure_monai(make_plan("network.token_edge_vox=4"), device="cpu")
    assert "pip install monai" in caught.value.fix


def test_tokens_that_the_peers_network_does_not_take_are_refused() -> None:
    with pytest.raises(SettingError, match="4, 9, 16"):
        monai_peer.measure_monai(make_plan(), device="cpu")


@pytest.mark.slow
def test_the_peers_loop_runs_on_the_same_crops() -> None:
    pytest.importorskip("monai")
    plan = with_settings(make_plan("pretrain.batch_size=2", "crop.edge_vox=32"), ["network.token_edge_vox=16"])
    peer = monai_peer.measure_monai(plan, device="cpu", precision="float32", steps=1)
    assert peer.version.startswith("MONAI ")
    assert peer.cubes_per_second == pytest.approx(2 / peer.step_seconds)


def test_a_bare_loop_takes_turns_with_the_products_own_step(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    real = plain_peer.train_step
    monkeypatch.setattr(plain_peer, "train_step", lambda *args: (taken.append("rnnet"), real(*args)))
    speed = plain_peer.measure_beside_plain(make_plan(), device="cpu", precision="float32", steps=3)
    assert len(taken) == 2 + 3
    assert speed.ratio == pytest.approx(speed.plain_seconds / speed.rnnet_seconds)
    assert min(speed.plain_seconds, speed.rnnet_seconds) > 0


def test_the_bare_loop_does_the_arithmetic_of_the_same_sizes() -> None:
    plan = make_plan("network.patch_embed=linear")
    cubes = made_up_crops(plan, plan.pretrain.batch_size, CPU).batch(torch.arange(plan.pretrain.batch_size))
    step = plain_peer._bare_step(plan, cubes, CPU, "float32")
    with FlopCounterMode(display=False) as counter:
        step()
    assert counter.get_total_flops() == pytest.approx(step_flops(plan), rel=0.1)


def test_the_bare_model_restores_every_patch_and_projects_every_volume() -> None:
    plan = make_plan()
    cubes = made_up_crops(plan, plan.pretrain.batch_size, CPU).batch(torch.arange(plan.pretrain.batch_size))
    model = plain_peer._BareModel(plan)
    restored, projected = model(cubes)
    assert restored.shape == model.patches(cubes[:, :1]).shape
    assert projected.shape == (len(cubes), 128)


@pytest.mark.parametrize(("bare_seconds", "has_aim", "said"), [
    (0.9, True, "0.90 (aim: at least 0.84)"), (0.8, True, "0.80 (aim: at least 0.84: missed)"), (0.8, False, "0.80"),
])
def test_the_ratio_to_the_bare_loop_stands_beside_its_aim_where_it_has_one(
    bare_seconds: float, has_aim: bool, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _print_plain(plain_peer.PlainSpeed(8, 3, plain_seconds=bare_seconds, rnnet_seconds=1.0), has_aim=has_aim)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(f"bare {8 / bare_seconds:.2f} cubes/s, rnnet 8.00 cubes/s")
    assert lines[1] == f"rnnet / bare loop: {said}"


def test_the_command_measures_beside_a_bare_loop(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(matrix_peak, "_SQUARES", {"cpu": (16,)})
    sizes = ["--network", "ViT-Ti", "--edge", "16", "--token_edge", "8", "--batch_size", "2", "--steps", "1"]
    small = ["--set", "network.depth=1", "-device", "cpu", "--precision", "float32"]
    assert main(["pretrain", "--peer", "plain", *sizes, *small]) == 0
    assert "rnnet / bare loop: " in capsys.readouterr().out
