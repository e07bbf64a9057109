from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from rnnet.core.codec import read_artefact
from rnnet.core.errors import FileFormatError, LeakageError, MissingStageError, SettingError
from rnnet.core.files import file_digest
from rnnet.core.layouts import import_report
from rnnet.core.provenance import RunRecord, read_origin
from rnnet.core.types import LesionCase
from rnnet.core.workspace import FoldLayout, Workspace
from rnnet.planning.plan import with_settings
from rnnet.training.checkpoint import read_checkpoint, write_checkpoint
from rnnet.training.exposure import checkpoint_steering
from rnnet.training.finetune import run_finetuning
from rnnet.training.folds import _pretrained_path
from rnnet.training.import_weights import WeightsImport, import_weights
from rnnet.training.reuse import check_reusable
from tests.factories import make_cases, make_plan
from tests.networks.foreign_states import as_monai, medicalnet, vit
from tests.networks.small import noise
from tests.training.crops import read_case

PLAN = make_plan(
    "network.token_edge_vox=4", "network.position=learned", "finetune.epochs=1", "finetune.probe_epochs=1"
)
TRAIN, TEST = make_cases(4, 1), make_cases(2, 1, split="test", prefix="T")


def monai_file(folder: Path) -> Path:
    torch.save({"state_dict": as_monai(vit(), "module.")}, folder / "vit.pt")
    return folder / "vit.pt"


def resnet_file(folder: Path) -> Path:
    torch.save(medicalnet()[1], folder / "resnet_50.pth")
    return folder / "resnet_50.pth"


def finetune(
    folder: Path, config: str, pretrained: Path, *, train: Sequence[LesionCase] = TRAIN,
    validation: Sequence[LesionCase] = (), **options: Any,
) -> FoldLayout:
    layout = FoldLayout(folder / config)
    run_finetuning(
        PLAN, config=config, fold_name="0", train_cases=train, validation_cases=validation, test_cases=TEST,
        read_case=read_case, layout=layout, device="cpu", pretrained=pretrained, resume=False, show_progress=False,
        **options,
    )
    return layout


def test_an_import_is_a_pretrained_encoder_with_its_account_beside_it(tmp_path: Path) -> None:
    source, output = monai_file(tmp_path), tmp_path / "deep" / "encoder.pth"
    result = import_weights(PLAN, source, output)
    checkpoint = read_checkpoint(output, made_by="rnnet_pretrain")
    check_reusable(checkpoint, PLAN)
    assert (checkpoint.kind, checkpoint.config, checkpoint.in_channels) == ("pretrain", "pretrain", 2)
    assert torch.equal(checkpoint.model["encoder.norm.weight"], vit().norm.weight)
    assert read_artefact(import_report(output), WeightsImport, made_by="rnnet_import_weights") == result
    assert (result.layout, result.file) == ("monai", "vit.pt")
    assert result.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert result.missing == ("blocks.0.attention.qkv.bias", "blocks.1.attention.qkv.bias")
    assert checkpoint.inputs == {"imported weights": file_digest(source)}


@pytest.mark.parametrize(("config", "build"), [("ssl_vit", monai_file), ("resnet50", resnet_file)])
def test_a_classifier_from_foreign_weights_says_that_nobody_knows_whom_they_saw(
    config, build, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = import_weights(PLAN, build(tmp_path), tmp_path / "encoder.pth")
    assert "whom they have seen is not recorded" in result.origin
    layout = finetune(tmp_path, config, tmp_path / "encoder.pth")
    assert read_artefact(layout.run_json, RunRecord, made_by="rnnet_train").origin == result.origin
    assert read_origin(layout.run_json) == result.origin
    trained = read_checkpoint(layout.checkpoint_best, made_by="rnnet_train")
    assert (trained.origin, trained.leaks) == (result.origin, ())
    assert result.origin in caplog.text


def test_a_resnet_and_a_transformer_are_not_mistaken_for_one_another(tmp_path: Path) -> None:
    import_weights(PLAN, resnet_file(tmp_path), tmp_path / "resnet.pth")
    import_weights(PLAN, monai_file(tmp_path), tmp_path / "encoder.pth")
    with pytest.raises(SettingError, match="holds a ResNet50, and 'ssl_vit' is a Vision Transformer"):
        finetune(tmp_path, "ssl_vit", tmp_path / "resnet.pth")
    with pytest.raises(SettingError, match="holds a Vision Transformer, and 'resnet50' is a ResNet50"):
        finetune(tmp_path, "resnet50", tmp_path / "encoder.pth")
    with pytest.raises(SettingError, match="'vit_scratch' is trained from random weights"):
        finetune(tmp_path, "vit_scratch", tmp_path / "encoder.pth")


def test_another_width_of_the_resnet_is_named_with_the_setting_that_fits(tmp_path: Path) -> None:
    import_weights(PLAN, resnet_file(tmp_path), tmp_path / "resnet.pth")
    checkpoint = read_checkpoint(tmp_path / "resnet.pth", made_by="rnnet_pretrain")
    # What is a transformer's alone does not matter to a ResNet50.
    check_reusable(checkpoint, with_settings(PLAN, ["network.width=48"]), config="resnet50")
    with pytest.raises(SettingError, match=r"--set network\.resnet_base_width=4"):
        check_reusable(checkpoint, with_settings(PLAN, ["network.resnet_base_width=8"]), config="resnet50")


def test_an_encoder_of_rnnet_keeps_whom_it_has_seen(tmp_path: Path) -> None:
    import_weights(PLAN, monai_file(tmp_path), tmp_path / "first.pth")
    own = replace(
        read_checkpoint(tmp_path / "first.pth", made_by="rnnet_pretrain"), origin="", patients_seen=("T001", "B/P2"),
        names_seen={"B/P2": ("X",)}, leaks=("one",), steered_by=("P1",), steered_scans=("B/s",),
    )
    write_checkpoint(tmp_path / "own.pth", own)
    plan = with_settings(PLAN, ["network.token_edge_vox=8"])
    result = import_weights(plan, tmp_path / "own.pth", tmp_path / "again.pth")
    again = read_checkpoint(tmp_path / "again.pth", made_by="rnnet_pretrain")
    assert (result.layout, again.origin) == ("rnnet", "")
    assert again.patients_seen == ("Dataset001_Toy/T001", "B/P2")
    assert (again.names_seen, again.leaks) == (own.names_seen, ("one",))
    assert (again.steered_by, again.steered_scans) == (("Dataset001_Toy/P1",), ("B/s",))
    import_weights(PLAN, tmp_path / "own.pth", tmp_path / "same.pth")
    with pytest.raises(LeakageError, match="T001"):
        finetune(tmp_path, "ssl_vit", tmp_path / "same.pth")


def test_no_fold_is_validated_on_patients_whose_outcomes_an_imported_classifier_has_learned(tmp_path: Path) -> None:
    import_weights(PLAN, monai_file(tmp_path), tmp_path / "first.pth")
    first = read_checkpoint(tmp_path / "first.pth", made_by="rnnet_pretrain")
    learned = tuple(f"{PLAN.dataset}/{case.patient_id}" for case in TRAIN)
    classifier = replace(
        first, kind="classifier", config="ssl_vit", patients_seen=learned, images_seen={"B/s": "hash"},
        model={**first.model, "head.linear.weight": torch.zeros(1, 24)},
    )
    write_checkpoint(tmp_path / "classifier.pth", classifier)
    import_weights(PLAN, tmp_path / "classifier.pth", tmp_path / "taken.pth")
    # An import of the import has learned from them as well.
    import_weights(PLAN, tmp_path / "taken.pth", tmp_path / "encoder.pth")
    checkpoint = read_checkpoint(tmp_path / "encoder.pth", made_by="rnnet_pretrain")
    assert (checkpoint.kind, checkpoint.steered_by, checkpoint.steered_scans) == ("pretrain", learned, ("B/s",))
    with pytest.raises(LeakageError, match=r"classifier that they were taken from.*has seen 2 patient.*P002.*P003"):
        finetune(
            tmp_path / "b", "ssl_vit", tmp_path / "encoder.pth", train=make_cases(4, 1, prefix="Q"),
            validation=TRAIN[2:],
        )
    # An older version recorded the patients alone: nobody can be compared with them.
    older = checkpoint_steering(replace(checkpoint, names_seen=None, images_seen=None), "older")
    assert older.unknown == older.patients == set(learned)


def test_an_encoder_of_images_prepared_in_another_way_is_refused(tmp_path: Path) -> None:
    import_weights(PLAN, monai_file(tmp_path), tmp_path / "own.pth")
    other = replace(PLAN, preprocessing=replace(PLAN.preprocessing, atlas="other"))
    with pytest.raises(SettingError, match=r"preprocessing\.atlas is .* there and other in the plan"):
        import_weights(other, tmp_path / "own.pth", tmp_path / "x.pth")
    assert not (tmp_path / "x.pth").exists()


def test_the_origin_goes_on_with_an_imported_import(tmp_path: Path) -> None:
    first = import_weights(PLAN, monai_file(tmp_path), tmp_path / "first.pth")
    assert import_weights(PLAN, tmp_path / "first.pth", tmp_path / "second.pth").origin == first.origin


def test_an_encoder_of_rnnet_with_other_heads_or_channels_is_refused(tmp_path: Path) -> None:
    import_weights(PLAN, monai_file(tmp_path), tmp_path / "own.pth")
    with pytest.raises(SettingError, match=r"network\.heads is 2 there and 3 in the plan"):
        import_weights(with_settings(PLAN, ["network.heads=3"]), tmp_path / "own.pth", tmp_path / "x.pth")
    with pytest.raises(SettingError, match="has seen T1CE, lesion_mask, and the plan has FLAIR, lesion_mask"):
        import_weights(replace(PLAN, channels=("FLAIR", "lesion_mask")), tmp_path / "own.pth", tmp_path / "x.pth")


def test_only_a_resnet_that_is_given_a_file_starts_from_one(tmp_path: Path) -> None:
    data = SimpleNamespace(results=Workspace.under(tmp_path).results_dataset("Dataset001_Toy"), name="Dataset001_Toy")
    file = resnet_file(tmp_path)
    assert _pretrained_path(data, "resnet50", "auto", "") is None  # type: ignore[arg-type]
    assert _pretrained_path(data, "resnet50", "none", "") is None  # type: ignore[arg-type]
    assert _pretrained_path(data, "resnet50", str(file), "") == file  # type: ignore[arg-type]
    with pytest.raises(MissingStageError, match="rnnet_pretrain -d Dataset001_Toy"):
        _pretrained_path(data, "ssl_vit", "auto", "")  # type: ignore[arg-type]


def test_what_is_refused_names_the_file_and_writes_nothing(tmp_path: Path) -> None:
    source, output = monai_file(tmp_path), tmp_path / "out" / "x.pth"
    with pytest.raises(FileFormatError, match=r"vit\.pt"):
        import_weights(PLAN, source, output, layout="medicalnet")
    with pytest.raises(SettingError, match=r"vit\.pt"):
        import_weights(with_settings(PLAN, ["network.depth=3"]), source, output)
    assert not output.parent.exists()


@pytest.mark.parametrize(("name", "said"), [
    ("folder", "is a folder.*-o .*encoder.pth"), ("vit.pt", "would replace"), ("account.json", "-o .*account.pth"),
    ("vit.pt/x.pth", "cannot be written"), ("/proc/x/y.pth", "cannot be"),
])
def test_a_file_that_cannot_be_written_is_one_line(name: str, said: str, tmp_path: Path) -> None:
    source = monai_file(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(SettingError, match=said):
        import_weights(PLAN, source, tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "vit.pt"]


def test_foreign_weights_given_to_training_name_the_command_that_reads_them(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="rnnet_import_weights"):
        finetune(tmp_path, "ssl_vit", monai_file(tmp_path))


def test_checkpoints_of_older_versions_have_no_class_token_and_no_layer_scale(tmp_path: Path) -> None:
    import_weights(PLAN, monai_file(tmp_path), tmp_path / "own.pth")
    checkpoint = read_checkpoint(tmp_path / "own.pth", made_by="rnnet_pretrain")
    network = {k: v for k, v in checkpoint.plan["network"].items() if k not in ("class_token", "layer_scale")}
    older = replace(checkpoint, plan={**checkpoint.plan, "network": network})
    check_reusable(older, PLAN)
    with pytest.raises(SettingError, match=r"--set network\.class_token=false"):
        check_reusable(older, with_settings(PLAN, ["network.class_token=true"]))


def test_tokens_of_an_import_are_those_of_the_file(tmp_path: Path) -> None:
    from rnnet.networks.vit3d import build_vit

    import_weights(PLAN, monai_file(tmp_path), tmp_path / "own.pth")
    model = read_checkpoint(tmp_path / "own.pth", made_by="rnnet_pretrain").model
    encoder = build_vit(PLAN, in_channels=2).eval()
    encoder.load_state_dict({n.removeprefix("encoder."): t for n, t in model.items()})
    x = noise(1, 2, 16, 16, 16)
    torch.testing.assert_close(encoder.tokens(x), vit().tokens(x), atol=1e-5, rtol=0)
