import json

import pytest

from rnnet.cli import combine_datasets, convert_dataset
from rnnet.cli.convert_dataset import counted
from rnnet.core.workspace import Workspace
from rnnet.dataset.case import read_dataset
from rnnet.dataset.converters.sources import CONVERTERS
from rnnet.dataset.integrity import check_dataset
from tests.dataset.converters import (
    brainmetshare_tree,
    brats_mets_tree,
    gammaknife_tree,
    molab_tree,
    nyumets_tree,
    own_table_tree,
    proteas_tree,
    ucsf_bmsr_tree,
    yale_longitudinal_tree,
    yale_pretreat_tree,
)
from tests.factories import write_raw_dataset

# A tree has few patients; that nothing can be learned from them is no fault of the conversion.
FEW = {"too-few-patients"}


def stanford(root):
    brainmetshare_tree.write_png_patient(root / "mets_stanford_releaseMask_train", "Mets_005")


TREES = {
    "brainmetshare": stanford,
    "brats_mets": brats_mets_tree.write_brats_mets_tree,
    "gammaknife": gammaknife_tree.write_tree,
    "molab": molab_tree.write_molab_tree,
    "nyumets": nyumets_tree.write_tree,
    "proteas": proteas_tree.write_tree,
    "table": own_table_tree.write_tree,
    "ucsf_bmsr": ucsf_bmsr_tree.write_ucsf_bmsr_tree,
    "yale_longitudinal": yale_longitudinal_tree.write_yale_longitudinal_tree,
    "yale_pretreat": yale_pretreat_tree.write_yale_pretreat_tree,
}


def convert(tmp_path, source, *more):
    return convert_dataset.main(
        [source, "-i", str(tmp_path / "release"), "-d", "4", "--root", str(tmp_path), "-np", "1", *more]
    )


def test_every_source_has_a_tree():
    assert sorted(TREES) == list(CONVERTERS)


@pytest.mark.parametrize("source", sorted(TREES))
def test_a_release_is_converted_and_verifies(tmp_path, capsys, source):
    (tmp_path / "release").mkdir()
    TREES[source](tmp_path / "release")
    assert convert(tmp_path, source) == 0
    said = capsys.readouterr().out
    name = {"table": "UKER"}.get(source, source)  # the mapping's
    assert f"Dataset004_{name}" in said
    dataset = read_dataset(Workspace.under(tmp_path).raw_dataset(f"Dataset004_{name}"))
    n_patients = len({s.patient_id for s in dataset.scans})
    assert counted(n_patients, "patient,", "patients,") in said
    assert counted(len(dataset.scans), "scan (", "scans (") in said
    assert {p.code for p in check_dataset(dataset.layout).errors} <= FEW


def test_the_list_names_what_each_source_needs(capsys):
    assert convert_dataset.main(["--list"]) == 0
    said = capsys.readouterr().out
    for source in CONVERTERS:
        assert f"{source}: " in said
    assert said.count("    needs  ") == said.count("    licence") == said.count("    ask  ") == len(list(CONVERTERS))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "SOURCE is missing"),
        (["molab", "-d", "1"], "-i FOLDER is missing"),
        (["molab", "-i", "."], "-d ID is missing"),
        (["molabb", "-i", ".", "-d", "1"], "Did you mean 'molab'"),
        (["molab", "-i", "no_such_folder", "-d", "1"], "no such folder"),
        (["molab", "-i", ".", "-d", "1", "--mapping", "m.json"], "'table' only"),
    ],
)
def test_a_wrong_command_is_one_line(tmp_path, capsys, arguments, said):
    assert convert_dataset.main([*arguments, "--root", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("number", ["0", "1000", "Dataset004_X"])
def test_a_number_that_no_data_set_can_have_is_refused(tmp_path, capsys, number):
    with pytest.raises(SystemExit) as stop:
        convert_dataset.main(["molab", "-i", ".", "-d", number, "--root", str(tmp_path)])
    assert stop.value.code == 2
    assert "argument -d: must be" in capsys.readouterr().err


def test_a_table_without_mapping_gets_one_to_begin_with_apart_from_the_error(tmp_path, capsys):
    (tmp_path / "release").mkdir()
    TREES["table"](tmp_path / "release")
    (tmp_path / "release" / "mapping.json").unlink()
    assert convert(tmp_path, "table") == 2
    captured = capsys.readouterr()
    assert "outcome" in json.loads(captured.out)["columns"]
    assert captured.err.startswith("error: There is no mapping file")
    assert captured.err.count("\n") == 1


def test_the_wrong_source_says_what_it_looked_for(tmp_path, capsys):
    (tmp_path / "release").mkdir()
    TREES["proteas"](tmp_path / "release")
    assert convert(tmp_path, "molab") == 2
    assert "xlsx" in capsys.readouterr().err
    assert not (tmp_path / "rnnet_raw").exists()


def test_combining_says_what_to_do_next(tmp_path, capsys):
    raw = tmp_path / "rnnet_raw"
    write_raw_dataset(raw, name="Dataset001_A", n_patients=2, n_test=0)
    write_raw_dataset(raw, name="Dataset002_B", n_patients=2, n_test=0, seed=9)
    arguments = ["-d", "1", "2", "--as_dataset", "10", "-n", "Both", "--root", str(tmp_path)]
    assert combine_datasets.main(arguments) == 0
    assert "rnnet_make_splits -d 10" in capsys.readouterr().out
    assert combine_datasets.main(arguments) == 2
    assert "Dataset010_Both" in capsys.readouterr().err
