from __future__ import annotations

import logging
import sys

import pytest
import torch

from rnnet.core.errors import RnnetError
from rnnet.training import confirm
from rnnet.training.confirm import confirm_batch_size
from rnnet.training.memory_meter import MemoryMeter
from tests.factories import make_plan
from tests.logs import own_messages


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_a_small_batch_that_fits_is_confirmed_without_a_word(
    stage: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="rnnet"):
        peak = confirm_batch_size(make_plan(), stage=stage, device="cpu")  # type: ignore[arg-type]
    if peak is None:
        assert not sys.platform.startswith("linux") or "does not tell" in caplog.text
    else:
        # A step so small is not worth a line.
        assert own_messages(caplog) == []
        assert peak > 0


@pytest.mark.parametrize(("peak", "said"), [(200 * 2**20, "200 MiB"), (3 * 2**30, "3.0 GiB")])
def test_a_step_that_takes_much_is_told_with_the_estimate_beside_it(
    peak: int, said: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryMeter, "peak_bytes", lambda _: peak)
    with caplog.at_level(logging.INFO, logger="rnnet"):
        assert confirm_batch_size(make_plan(), stage="finetune", device="cpu") == peak
    assert f"takes {said} of memory" in caplog.text
    assert "the planner expected" in caplog.text


def test_where_the_system_does_not_tell_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("rnnet.training.memory_meter._can_reset", lambda: False)
    with caplog.at_level(logging.INFO, logger="rnnet"):
        assert confirm_batch_size(make_plan(), stage="pretrain", device="cpu") is None
    assert "does not tell" in caplog.text


def test_a_batch_that_does_not_fit_names_the_fields_to_change() -> None:
    # More bytes than an address can count, so that no machine grants them.
    plan = make_plan(f"pretrain.batch_size={10**13}", "pretrain.accumulate_steps=2")
    with pytest.raises(RnnetError, match=r"--set pretrain\.batch_size=5000000000000") as caught:
        confirm_batch_size(plan, stage="pretrain", device="cpu")
    assert "pretrain.accumulate_steps=4" in caught.value.fix
    assert "network.checkpoint_blocks=true" in caught.value.fix


def test_the_resnet_is_not_told_to_set_a_field_that_it_does_not_have() -> None:
    plan = make_plan(f"finetune.batch_size={10**13}")
    with pytest.raises(RnnetError) as caught:
        confirm_batch_size(plan, stage="finetune", device="cpu", config="resnet50")
    assert "finetune.accumulate_steps=2" in caught.value.fix
    assert "checkpoint_blocks" not in caught.value.fix


@pytest.mark.parametrize(("stage", "settings", "n_processes", "said", "unsaid"), [
    ("pretrain", ("pretrain.batch_size=2",), 1, "network.checkpoint_blocks=true", "pretrain."),
    ("pretrain", ("pretrain.batch_size=12", "pretrain.accumulate_steps=4"), 1, "a smaller network", "pretrain."),
    ("pretrain", ("pretrain.batch_size=12", "pretrain.accumulate_steps=2"), 3, "pretrain.batch_size=6", "finetune"),
    ("pretrain", ("pretrain.batch_size=16",), 2, "pretrain.accumulate_steps=2", "finetune"),
    ("finetune", ("finetune.batch_size=1",), 1, "network.checkpoint_blocks=true", "finetune."),
    ("finetune", ("finetune.batch_size=3", "network.checkpoint_blocks=true"), 1, "batch_size=1", "checkpoint_blocks"),
])
def test_a_cure_is_something_that_the_next_run_accepts(
    stage: str, settings: tuple[str, ...], n_processes: int, said: str, unsaid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(confirm, "take_step", full)
    with pytest.raises(RnnetError, match="does not fit") as caught:
        confirm_batch_size(
            make_plan(*settings), stage=stage, device="cpu", n_processes=n_processes,  # type: ignore[arg-type]
        )
    assert said in caught.value.fix
    assert unsaid not in caught.value.fix


def test_of_several_processes_each_tries_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(confirm, "take_step", lambda _, rows, *__: sizes.append(len(rows)))
    confirm_batch_size(make_plan("pretrain.batch_size=12"), stage="pretrain", device="cpu", n_processes=3)
    assert sizes == [4, 4]


def test_a_batch_of_one_lesion_can_be_tried_out() -> None:
    assert confirm_batch_size(make_plan("finetune.batch_size=1"), stage="finetune", device="cpu") != 0


def test_other_errors_of_the_step_are_not_called_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(confirm, "take_step", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        confirm_batch_size(make_plan(), stage="finetune", device="cpu")


def test_the_meter_counts_what_is_taken_after_its_making_and_forgets_what_was_before_a_restart() -> None:
    held = torch.ones(4 * 2**20)  # 16 MiB, not counted
    meter = MemoryMeter(torch.device("cpu"))
    if not meter.can_tell:
        pytest.skip("This system does not tell.")
    large = torch.ones(16 * 2**20)
    assert meter.peak_bytes() == pytest.approx(64 * 2**20, rel=0.1)
    del large
    peak = meter.peak_bytes()
    assert peak is not None
    assert peak > 60 * 2**20
    assert len(held) == 4 * 2**20
