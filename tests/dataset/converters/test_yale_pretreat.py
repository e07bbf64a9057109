import pytest

from rnnet.core.errors import DatasetError
from rnnet.dataset.converters.yale_pretreat import YalePretreat
from rnnet.dataset.identity import read_other_ids
from tests.dataset.converters.brats_mets_tree import write_brats_mets_tree
from tests.dataset.converters.pool_files import convert, put_unused
from tests.dataset.converters.yale_pretreat_tree import write_yale_pretreat_tree


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write_yale_pretreat_tree(tmp_path_factory.mktemp("yale"))


def test_patients_are_yales_own_and_known_under_their_brats_name(tree):
    release = YalePretreat().read(tree)
    assert [s.patient_id for s in release.scans] == [f"Yale-BraTS-MET-000{n}" for n in (86, 87, 88)]
    assert release.other_ids["Yale-BraTS-MET-00086"] == ("BraTS-MET-00086",)
    assert not release.unknown_files
    assert not release.dropped


def test_the_table_is_compared_with_the_folders(tree, tmp_path):
    notes = YalePretreat().read(tree).notes
    assert "1 patient(s) have no row in the clinical table: BraTS-MET-00088." in notes
    assert "1 patient(s) of the clinical table have no images here: BraTS-MET-00099." in notes
    without = YalePretreat().read(write_yale_pretreat_tree(tmp_path, table=False))
    assert any(n.startswith("There is no Pretreat-MetsToBrain-Masks_clin") for n in without.notes)
    assert len(without.other_ids) == 3


def test_the_converted_pool_verifies_with_two_lesions_a_mask(tree, tmp_path):
    layout, report, check = convert(YalePretreat(), tree, tmp_path)
    assert (report.n_patients, report.n_scans, report.n_masks, report.n_lesions) == (3, 3, 3, 6)
    assert not check.problems
    assert read_other_ids(layout.other_ids_csv)["Yale-BraTS-MET-00088"] == {"BraTS-MET-00088"}


def test_another_release_is_refused(tmp_path):
    put_unused(tmp_path / "x" / "a_t1c.nii.gz")
    with pytest.raises(DatasetError, match="no folder is named as BraTS-MET-00001-000"):
        YalePretreat().read(tmp_path / "x")
    with pytest.raises(DatasetError, match="source brats_mets"):
        YalePretreat().read(write_brats_mets_tree(tmp_path / "brats"))
