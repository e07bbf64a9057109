from __future__ import annotations

import pytest
import torch

from rnnet.core.errors import RnnetError
from rnnet.training.confirm import confirm_batch_size
from tests.factories import make_plan


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_a_batch_that_fits_is_confirmed(stage: str) -> None:
    peak = confirm_batch_size(make_plan(), stage=stage, device="cpu")  # type: ignore[arg-type]
    assert peak is None  # a CPU does not tell


def test_a_batch_that_does_not_fit_names_the_field_to_lower() -> None:
    # More bytes than an address can count, so that no machine grants them.
    plan = make_plan(f"pretrain.batch_size={10**13}")
    with pytest.raises(RnnetError, match=r"--set pretrain\.batch_size=5000000000000"):
        confirm_batch_size(plan, stage="pretrain", device="cpu")


def test_other_errors_of_the_step_are_not_called_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(torch.nn.LayerNorm, "forward", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        confirm_batch_size(make_plan(), stage="finetune", device="cpu")
