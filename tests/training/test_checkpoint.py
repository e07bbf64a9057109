from __future__ import annotations

import pickle
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rnnet.core.codec import to_plain
from rnnet.core.errors import FileFormatError, MissingStageError, SettingError, StaleArtefactError
from rnnet.dataset.leakage import Exposure
from rnnet.planning.plan import with_settings
from rnnet.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from rnnet.training.exposure import checkpoint_exposure, stored_exposure
from rnnet.training.reuse import check_resumable, check_reusable
from rnnet.training.state import FitState
from tests.factories import make_plan

PLAN = make_plan()


def make_checkpoint() -> Checkpoint:
    parameter = torch.nn.Parameter(torch.ones(3, 2))
    optimizer = torch.optim.AdamW([parameter])
    parameter.sum().backward()
    optimizer.step()
    state = FitState(epoch=2, step=3, sums={"loss": 1.5}, counted=3, best=-0.7, history=({"epoch": 1.0},))
    return Checkpoint(
        kind="pretrain", plan=to_plain(PLAN), config="pretrain", in_channels=2, channel_names=PLAN.channels,
        positive_outcome="", state=state, model={"weight": parameter}, patients_seen=("P1", "P2"), rnnet_version="0",
        training={"optimizer": optimizer.state_dict()}, inputs={"cases": "abc"},
    )


def test_a_checkpoint_comes_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "checkpoint.pth"
    written = make_checkpoint()
    write_checkpoint(path, written)
    read = read_checkpoint(path, made_by="rnnet_pretrain")
    assert torch.equal(read.model["weight"], written.model["weight"])
    assert not read.model["weight"].requires_grad
    assert read.state == written.state
    assert read.training["optimizer"]["state"][0].keys() == written.training["optimizer"]["state"][0].keys()
    assert replace(read, model={}, training={}) == replace(written, model={}, training={})
    assert read.experiment_plan() == PLAN
    assert [p.name for p in path.parent.iterdir()] == ["checkpoint.pth"]


def test_a_checkpoint_opens_with_weights_only(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "c.pth", make_checkpoint())
    content = torch.load(tmp_path / "c.pth", weights_only=True)
    assert content["patients_seen"] == ("P1", "P2")


def test_a_view_of_a_large_tensor_is_stored_alone(tmp_path: Path) -> None:
    large = torch.zeros(1_000_000)
    write_checkpoint(tmp_path / "c.pth", replace(make_checkpoint(), model={"weight": large[:3]}))
    assert (tmp_path / "c.pth").stat().st_size < 100_000


def test_a_missing_checkpoint_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(MissingStageError, match="Run rnnet_pretrain"):
        read_checkpoint(tmp_path / "none.pth", made_by="rnnet_pretrain")
    with pytest.raises(MissingStageError, match="is a folder"):
        read_checkpoint(tmp_path, made_by="rnnet_pretrain")


def test_damaged_and_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.pth"
    write_checkpoint(path, make_checkpoint())
    whole = path.read_bytes()
    torch.save({"state_dict": {}}, tmp_path / "foreign.pth")
    for content in (whole[: len(whole) // 2], b"", b"text", (tmp_path / "foreign.pth").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=r"checkpoint of rnnet.*rnnet_import_weights") as caught:
            read_checkpoint(path, made_by="rnnet_pretrain")
        assert "torch" not in str(caught.value).replace(str(path), "")


def test_code_inside_a_file_is_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    (tmp_path / "c.pth").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(FileFormatError):
        read_checkpoint(tmp_path / "c.pth", made_by="rnnet_pretrain")
    assert not (tmp_path / "ran").exists()


def test_a_fitting_encoder_is_accepted_whatever_else_the_plan_changes() -> None:
    plan = with_settings(PLAN, ["finetune.epochs=7", "network.drop_path=0.3", "seed=5", "pretrain.batch_size=9"])
    assert plan != PLAN
    check_reusable(make_checkpoint(), plan)  # returns: nothing is raised


def test_every_difference_of_architecture_is_named_with_both_values() -> None:
    plan = with_settings(PLAN, ["network.width=48", "crop.edge_vox=32", "preprocessing.normalize.upper_quantile=0.99"])
    with pytest.raises(SettingError) as caught:
        check_reusable(make_checkpoint(), plan)
    text = str(caught.value)
    assert "network.width is 24 there and 48 in the plan" in text
    assert "crop.edge_vox is 16 there and 32 in the plan" in text
    assert "preprocessing.normalize.upper_quantile is 1.0 there and 0.99" in text
    assert "--set network.width=24" in text


def test_other_channels_are_named() -> None:
    plan = replace(PLAN, channels=("FLAIR", "lesion_mask"))
    with pytest.raises(SettingError) as caught:
        check_reusable(make_checkpoint(), plan)
    assert 'channels is ["T1CE","lesion_mask"] there and ["FLAIR","lesion_mask"] in the plan' in caught.value.problem
    (_, advised) = shlex.split(caught.value.fix.partition("use ")[2].rstrip("."))
    assert with_settings(plan, [advised]).channels == PLAN.channels


def test_what_a_checkpoint_has_seen_is_known_by_qualified_names() -> None:
    checkpoint = replace(
        make_checkpoint(), patients_seen=("P1", "Dataset002_Pool/P2"), names_seen={"Dataset002_Pool/P2": ("UCSF-1",)},
        images_seen={"Dataset002_Pool/s": "abc"},
    )
    seen = checkpoint_exposure(checkpoint, "pretraining")
    assert seen.patients == {"Dataset001_Toy/P1", "Dataset002_Pool/P2"}
    assert seen.names == {"Dataset002_Pool/P2": {"UCSF-1"}}
    assert seen.images == {"Dataset002_Pool/s": "abc"}
    incomplete = replace(seen, unknown=frozenset("a"), unhashed=frozenset("b"))
    again = replace(make_checkpoint(), **stored_exposure(incomplete))
    assert (again.names_seen, again.images_seen) == (checkpoint.names_seen, checkpoint.images_seen)
    assert (again.patients_unknown, again.scans_unhashed) == (("a",), ("b",))


def test_what_a_checkpoint_of_an_older_version_has_seen_is_asked_or_unknown(tmp_path: Path) -> None:
    path = tmp_path / "c.pth"
    write_checkpoint(path, make_checkpoint())
    content = torch.load(path, weights_only=True)
    for name in ("names_seen", "images_seen", "leaks"):
        del content[name]
    torch.save(content, path)
    read = read_checkpoint(path, made_by="rnnet_pretrain")
    assert (read.names_seen, read.images_seen, read.leaks) == (None, None, ())
    patients = {"Dataset001_Toy/P1", "Dataset001_Toy/P2"}
    assert checkpoint_exposure(read, "pretraining").unknown == patients
    here = Exposure("", frozenset({"Dataset001_Toy/P1"}), images={"s": "abc"}, unknown=frozenset({"Dataset001_Toy/P2"}))
    seen = checkpoint_exposure(read, "pretraining", lambda asked: here if asked == patients else Exposure(""))
    assert (seen.name, set(seen.patients), seen.images) == ("pretraining", patients, here.images)
    assert seen.unknown == here.unknown


def test_a_lazily_read_checkpoint_has_the_same_content(tmp_path: Path) -> None:
    path = tmp_path / "c.pth"
    written = replace(make_checkpoint(), leaks=("one",))
    write_checkpoint(path, written)
    lazy = read_checkpoint(path, made_by="rnnet_pretrain", lazy=True)
    assert torch.equal(lazy.model["weight"], written.model["weight"])
    assert (lazy.patients_seen, lazy.leaks) == (("P1", "P2"), ("one",))


def test_a_classifier_is_no_pretrained_encoder() -> None:
    with pytest.raises(SettingError, match="trained classifier"):
        check_reusable(replace(make_checkpoint(), kind="classifier"), PLAN)


def test_a_run_with_another_seed_or_other_cases_does_not_go_on() -> None:
    checkpoint = make_checkpoint()
    same = {"part": "pretrain", "config": "pretrain"}
    check_resumable(
        checkpoint, with_settings(PLAN, ["finetune.epochs=9", "pretrain.checkpoint_minutes=1"]),
        inputs={"cases": "abc"}, **same,
    )
    oftener = with_settings(PLAN, ["pretrain.probe.every_epochs=2"])
    check_resumable(checkpoint, oftener, inputs={"cases": "abc"}, **same)
    steered = with_settings(oftener, ["pretrain.probe.patience=3"])
    with pytest.raises(StaleArtefactError, match=r"every_epochs was 10 and is 2; .*patience was 0 and is 3"):
        check_resumable(checkpoint, steered, inputs={"cases": "abc"}, **same)
    with pytest.raises(StaleArtefactError, match=r"neither kept nor continued: seed was 0 and is 4.*the cases changed"):
        check_resumable(checkpoint, with_settings(PLAN, ["seed=4"]), inputs={"cases": "other"}, **same)
    with pytest.raises(StaleArtefactError, match=r"pretrain.temperature was 0.1 and is 0.2"):
        check_resumable(checkpoint, with_settings(PLAN, ["pretrain.temperature=0.2"]), inputs={"cases": "abc"}, **same)
