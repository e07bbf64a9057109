from dataclasses import replace
from pathlib import Path

import pytest

from rnnet.planning.plan import PretrainPlan, with_settings
from tests.factories import make_plan
from trials.arms import TRIALS, arms_of, plan_settings
from trials.run import Machine, steps_of


@pytest.mark.parametrize("name", TRIALS)
def test_every_arm_makes_a_plan_of_its_own(name):
    trial = TRIALS[name]
    planned = replace(make_plan(), pretrain=PretrainPlan())  # with the views that the planner takes
    plans = [with_settings(planned, plan_settings(trial, arm)) for arm in arms_of(trial)]
    trained = {(p.n_folds, p.crop, p.network, p.pretrain, p.finetune) for p in plans}
    assert len(trained) == len(plans)
    assert len({arm.name for arm in arms_of(trial)}) == len(plans)


@pytest.mark.parametrize("name", TRIALS)
def test_all_arms_share_the_preprocessed_scans_and_the_folds(name):
    trial = TRIALS[name]
    plans = [with_settings(make_plan(), plan_settings(trial, arm)) for arm in arms_of(trial)]
    assert len({p.data_identifier for p in plans}) == 1
    assert len({(p.n_folds, p.seed) for p in plans}) == 1


@pytest.mark.parametrize("name", TRIALS)
def test_arms_that_pretrain_alike_share_the_first_ones_encoder(name):
    first_with: dict[frozenset[str], str] = {}
    for arm in arms_of(TRIALS[name]):
        commands = [step.command for step in steps_of(TRIALS[name], arm, Machine(Path("root")))]
        pretraining = frozenset(s for s in arm.settings if not s.startswith("finetune."))
        owner = first_with.setdefault(pretraining, arm.name)
        assert any(c[0] == "pretrain" for c in commands) == (owner == arm.name)
        if owner != arm.name:
            encoders = {c[c.index("-pretrained") + 1] for c in commands if "ssl_vit" in c}
            assert {Path(e).parent.name for e in encoders} == {f"pretrain__{owner}"}


@pytest.mark.parametrize("name", TRIALS)
def test_the_two_models_of_the_claim_are_trained_several_times_and_their_controls_once(name):
    steps = steps_of(TRIALS[name], arms_of(TRIALS[name])[0], Machine(Path("root")))
    repeated = {step.name for step in steps if "--seeds" in step.command}
    assert repeated == {f"train_{config}_{fold}" for config in ("ssl_vit", "vit_scratch") for fold in range(3)}


def test_the_nodules_have_no_clinical_model():
    steps = {t: [s.name for s in steps_of(TRIALS[t], arms_of(TRIALS[t])[0], Machine(Path("root")))] for t in TRIALS}
    assert "train_clinical_0" in steps["phantom"]
    assert "train_clinical_0" not in steps["nodules"]
    assert all("fuse" in names for names in steps.values())


def test_every_command_is_one_that_parses():
    from importlib import import_module

    for trial in TRIALS.values():
        for arm in arms_of(trial):
            for step in steps_of(trial, arm, Machine(Path("root"), atlas=Path("atlas"))):
                parser = import_module(f"rnnet.cli.{step.command[0]}").build_parser()
                assert parser.parse_args(step.command[1:]).root == Path("root")
