import json
import subprocess

import pytest

from rnnet.core.errors import RnnetError, StaleArtefactError
from trials import arms, run
from trials.arms import TRIALS, arms_of
from trials.run import Machine, main, run_arm, steps_of

TRIAL = TRIALS["nodules"]
ARM = next(arm for arm in arms_of(TRIAL) if arm.name == "labels_25")


@pytest.fixture
def calls(monkeypatch):
    """Commands that would have been run; the one that is named fails."""
    made, failing = [], set()

    def call(command, **_):
        made.append(command[3:])
        return subprocess.CompletedProcess(command, int(command[3] in failing))

    monkeypatch.setattr(run.subprocess, "run", call)
    return made, failing


def test_finished_commands_are_not_run_again(tmp_path, calls):
    made, _ = calls
    run_arm(TRIAL, ARM, Machine(tmp_path))
    first = len(made)
    assert first == len(steps_of(TRIAL, ARM, Machine(tmp_path)))
    run_arm(TRIAL, ARM, Machine(tmp_path))
    assert len(made) == first


def test_a_failed_command_is_where_the_next_call_goes_on(tmp_path, calls):
    made, failing = calls
    failing.add("evaluate")
    with pytest.raises(RnnetError, match="rnnet_evaluate of the arm 'labels_25' ended with 1"):
        run_arm(TRIAL, ARM, Machine(tmp_path))
    failing.clear()
    made.clear()
    run_arm(TRIAL, ARM, Machine(tmp_path))
    assert [command[0] for command in made] == ["evaluate"]


def test_the_wall_time_of_every_command_is_kept(tmp_path, calls):
    run_arm(TRIAL, ARM, Machine(tmp_path))
    records = [json.loads(p.read_text()) for p in sorted((tmp_path / "trial" / "labels_25").glob("*.json"))]
    assert records[0]["command"].startswith("rnnet_plan_experiment -d 11 12 -p labels_25")
    assert all(record["seconds"] >= 0 for record in records)


def test_other_settings_are_no_reason_to_go_on(tmp_path, calls, monkeypatch):
    run_arm(TRIAL, ARM, Machine(tmp_path))
    monkeypatch.setattr(arms, "SETTINGS", {**arms.SETTINGS, TRIAL.name: ("pretrain.views.scaling=0.3",)})
    with pytest.raises(StaleArtefactError, match="other settings"):
        run_arm(TRIAL, ARM, Machine(tmp_path))


def test_a_dry_run_runs_nothing(tmp_path, calls):
    made, _ = calls
    assert main(["phantom", str(tmp_path), "--dry_run"]) == 0
    assert made == []
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_arm_is_an_error_without_a_traceback(tmp_path, calls, capsys):
    assert main(["phantom", str(tmp_path), "--only", "plain_view"]) == 2
    assert "plain_views" in capsys.readouterr().err
