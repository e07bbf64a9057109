from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from rnnet.core.errors import LeakageError, SettingError
from rnnet.core.types import LesionCase
from rnnet.experiment.probe_lesions import ProbeLesions
from rnnet.networks.vit3d import Vit3d, build_vit
from rnnet.planning.plan import ExperimentPlan
from rnnet.preprocessing.state import PreprocessedCase
from rnnet.training.distributed import ProcessGroup
from rnnet.training.loader import ReadCase
from rnnet.training.probe import Probe, open_probe
from tests.factories import make_cases, make_plan
from tests.logs import own_messages
from tests.training.crops import read_case, read_case_or_fail

PLAN = make_plan("pretrain.epochs=7", "pretrain.probe.every_epochs=3")
CASES = make_cases(12, 2)


def probe_of(
    cases: Sequence[LesionCase] = CASES, *, plan: ExperimentPlan = PLAN, read: ReadCase = read_case, reason: str = ""
) -> Probe | None:
    return open_probe(
        plan, ProbeLesions(tuple(cases), reason=reason), read, device=torch.device("cpu"), show_progress=False
    )


def encoder() -> Vit3d:
    return build_vit(PLAN, in_channels=2)


def without_outcome(case: LesionCase) -> PreprocessedCase:
    """A crop that does not know its outcome."""
    return read_case(replace(case, outcome=None))


@pytest.mark.parametrize("classifier", ["linear", "nearest"])
def test_an_outcome_that_shows_in_the_crops_is_found_and_none_where_it_does_not(classifier: str) -> None:
    plan = make_plan(f"pretrain.probe.classifier={classifier}")
    seen, unseen = (probe_of(plan=plan, read=read) for read in (read_case, without_outcome))
    assert seen is not None
    assert unseen is not None
    assert seen.figures(encoder())["probe_auc"] > 0.95
    figures = unseen.figures(encoder())
    assert figures["probe_auc_low"] < 0.5 < figures["probe_auc_high"]
    assert figures["probe_auc_low"] < figures["probe_auc"] < figures["probe_auc_high"]


def test_it_changes_nothing_and_says_the_same_again() -> None:
    probe, network = probe_of(), encoder().train()
    assert probe is not None
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    torch.manual_seed(5)
    first = probe.figures(network)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.rand(1) == drawn  # it drew nothing at random
    assert network.training
    assert probe.figures(network) == first
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_it_looks_every_few_epochs_and_after_the_last() -> None:
    probe = probe_of()
    assert probe is not None
    assert [epoch for epoch in range(7) if probe.is_due(epoch)] == [2, 5, 6]


def test_the_curve_names_the_positive_outcome_and_the_number_of_lesions() -> None:
    probe = probe_of(read=read_case_or_fail)
    assert probe is not None
    assert probe.label == "probe AUC (radiation necrosis, 22 lesions)"


def test_lesions_of_one_patient_are_never_fitted_on_and_scored_at_once() -> None:
    probe = probe_of()
    assert probe is not None
    assert probe.lesions is not None
    patients = np.array(probe.lesions.crops.patient_ids)
    scored = np.concatenate([scored for _, scored in probe.lesions.parts])
    assert sorted(scored) == list(range(len(CASES)))
    for fitted, scored in probe.lesions.parts:
        assert not set(patients[fitted]) & set(patients[scored])


def test_features_that_are_not_finite_give_no_figure() -> None:
    probe, network = probe_of(), encoder()
    assert probe is not None
    torch.nn.init.constant_(network.norm.weight, float("nan"))
    assert np.isnan(list(probe.figures(network).values())).all()


@pytest.mark.parametrize(("cases", "reason", "said"), [
    (make_cases(3, 2), "", "2 labelled patients of both outcomes, and there are 2 of progression, 1 of radiation necr"),
    (make_cases(8, 1, outcomes=("progression",)), "", "there are 8 of progression"),
    ((), "Dataset001_Toy has no splits", "no probe: Dataset001_Toy has no splits."),
], ids=["one patient", "one outcome", "none"])
def test_too_few_lesions_give_no_probe_and_one_line_why(
    cases: Sequence[LesionCase], reason: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="rnnet"):
        assert probe_of(cases, reason=reason) is None
    (message,) = own_messages(caplog)
    assert said in message


def test_a_plan_without_a_probe_has_none_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="rnnet"):
        assert probe_of(plan=make_plan("pretrain.probe.every_epochs=0")) is None
    assert own_messages(caplog) == []


@pytest.mark.parametrize("field", ["every_epochs", "patience"])
def test_numbers_below_zero_are_no_plan(field: str) -> None:
    with pytest.raises(SettingError, match=rf"probe\.{field}' must be at least 0"):
        make_plan(f"pretrain.probe.{field}=-1")


def test_lesions_of_the_test_split_are_refused() -> None:
    with pytest.raises(LeakageError, match=r"held-out test patient.*T000"):
        probe_of((*CASES, *make_cases(1, split="test", prefix="T")))


def test_only_the_first_process_has_the_lesions_and_all_have_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []

    def gather(group: ProcessGroup, rows: Sequence[object]) -> list[object]:
        """The first process speaks before the second: what it said is what both get."""
        if group.count == 1:
            return list(rows)
        told.extend(rows if group.is_main else [])
        return [told[-1]]

    monkeypatch.setattr(ProcessGroup, "gather_objects", gather)
    first, second = (
        open_probe(PLAN, ProbeLesions(CASES), read_case, device=torch.device("cpu"), group=ProcessGroup(rank, 2),
                   show_progress=False) for rank in range(2)
    )
    assert first is not None
    assert second is not None
    assert second.lesions is None
    figures = first.figures(encoder())
    assert second.figures(encoder()) == figures


@pytest.mark.parametrize(("settings", "said"), [
    (("pretrain.epochs=7", "pretrain.probe.every_epochs=3"), "after every 3 epochs and the last one"),
    (("pretrain.epochs=7", "pretrain.probe.every_epochs=1"), "after each epoch"),
    (("pretrain.epochs=4", "pretrain.probe.every_epochs=10"), "after the last epoch"),
])
def test_the_log_says_in_words_when_and_on_what_the_probe_looks(
    settings: tuple[str, ...], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="rnnet"):
        probe_of(plan=make_plan(*settings))
    assert f"A probe (a linear classifier) looks {said} how well" in caplog.text
    assert "12 lesions of radiation necrosis from 12 of progression" in caplog.text
    assert "radiation_necrosis" not in caplog.text
