from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rnnet.cli.import_weights import LAYOUTS, build_parser, main
from rnnet.core.workspace import Workspace
from rnnet.networks.foreign import table
from rnnet.planning.plan import write_plan
from tests.factories import make_plan
from tests.networks.foreign_states import as_monai, medicalnet, vit

NAME = "Dataset001_Toy"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    plan = make_plan("network.token_edge_vox=4")
    write_plan(Workspace.under(tmp_path).preprocessed_dataset(NAME).plans_json(plan.name), plan, inputs={})
    torch.save({"state_dict": as_monai(vit(in_channels=1), "backbone.")}, tmp_path / "vit.pt")
    return tmp_path


def run(root: Path, *arguments: str) -> int:
    return main(["1", "--root", str(root), "-i", str(root / "vit.pt"), *arguments])


def test_the_account_names_what_was_used_adapted_and_where_it_lies(root: Path, capsys) -> None:
    assert run(root, "--set", "network.position=learned") == 0
    out = capsys.readouterr().out
    path = Workspace.under(root).results_dataset(NAME).imported_checkpoint("vit")
    assert path.is_file()
    assert path.with_suffix(".json").is_file()
    assert f"Encoder: {path}" in out
    assert "vit.pt read as monai: " in out
    assert "  adapted   patch_embed.projection.weight: 1 -> 2 channels, new ones start at zero" in out
    assert "whom they have seen is not recorded" in out
    assert "2 of the network not in the file" in out
    assert "  new       blocks.0.attention.qkv.bias" in out
    assert out.endswith(
        f"Next: rnnet_train 1 0 -c ssl_vit -pretrained {path} --root {root} --set network.position=learned\n"
    )


def test_the_next_command_has_the_plan_that_was_given(root: Path, capsys) -> None:
    plan = make_plan("network.token_edge_vox=4", "network.position=learned")
    write_plan(Workspace.under(root).preprocessed_dataset(NAME).plans_json("learned"), plan, inputs={})
    assert run(root, "-p", "learned", "--axes", "zyx") == 0
    assert capsys.readouterr().out.endswith(f" --root {root} -p learned\n")


def test_weights_of_a_resnet_lead_to_its_configuration(root: Path, capsys) -> None:
    torch.save(medicalnet()[1], root / "vit.pt")
    assert run(root, "-o", str(root / "here.pth"), "--layout", "medicalnet") == 0
    out = capsys.readouterr().out
    assert "  not used  state_dict.module.conv_seg.0.weight" in out
    assert f"-c resnet50 -pretrained {root / 'here.pth'}" in out


@pytest.mark.parametrize(("axes", "is_said"), [((), True), (("--axes", "zyx"), False), (("--axes", "xyz"), False)])
def test_axes_that_were_not_given_are_said(root: Path, capsys, axes: tuple[str, ...], is_said: bool) -> None:
    assert run(root, "--set", "network.position=learned", *axes) == 0
    out = capsys.readouterr().out
    assert ("import again with --axes xyz" in out) == is_said
    assert ("from (x, y, z) to (z, y, x)" in out) == ("xyz" in axes)


def test_a_plan_that_does_not_fit_is_one_line_with_the_settings_that_do(root: Path, capsys) -> None:
    assert run(root) == 2
    error = capsys.readouterr().err.strip()
    assert "\n" not in error
    assert "network.position=learned" in error.partition("Use --set ")[2].partition(" here")[0]
    assert not Workspace.under(root).results.exists()


def test_the_layouts_of_the_help_are_those_of_the_table() -> None:
    assert sorted(LAYOUTS) == sorted(("auto", *table.LAYOUTS))


def test_the_example_parses() -> None:
    example = build_parser().format_help().split("example:\n")[1].split()
    assert example[0] == "rnnet_import_weights"
    assert build_parser().parse_args(example[1:]).settings == ["network.position=learned"]
