import pytest

from rnnet.core.errors import DatasetError
from rnnet.dataset.case import read_dataset
from rnnet.dataset.converters.yale_longitudinal import YaleLongitudinal
from tests.dataset.converters.pool_files import convert, put_image, put_unused
from tests.dataset.converters.yale_longitudinal_tree import write_yale_longitudinal_tree


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write_yale_longitudinal_tree(tmp_path_factory.mktemp("yale"))


def test_days_are_counted_from_the_patients_first_date(tree):
    scans = YaleLongitudinal().read(tree).scans
    assert [(s.scan_id, s.patient_id, s.days) for s in scans] == [
        ("Yale-YG_0001_20120301", "Yale-YG_0001", 30.0), ("Yale-YG_0001_20130301", "Yale-YG_0001", 395.0),
        ("Yale-YG_0010_20150615", "Yale-YG_0010", 0.0),
    ]


def test_of_two_post_series_of_a_date_the_first_is_used(tree):
    release = YaleLongitudinal().read(tree)
    assert release.scans[0].image.path.name == "YG_0001_2012-03-01_10-30-00_POST.nii.gz"
    assert [(d.kind, d.name, d.reason) for d in release.dropped] == [
        ("scan", "Yale-YG_0001_20120131", "no _POST series on this date"),
        ("scan", "Yale-YG_0001_20120301, YG_0001_2012-03-01_16-05-00_POST.nii.gz",
         "YG_0001_2012-03-01_10-30-00_POST.nii.gz of the same date is used"),
        ("patient", "Yale-YG_0011", "no _POST series on any of 1 date(s)"),
    ]


def test_other_series_and_the_table_are_known_and_the_rest_is_unknown(tree):
    release = YaleLongitudinal().read(tree)
    assert [p.name for p in release.unknown_files] == ["report.txt"]
    assert any("3 PRE, 3 T2, 3 FLAIR" in n for n in release.notes)
    assert any("nothing is taken from it" in n for n in release.notes)


def test_the_converted_pool_has_scans_without_masks_and_says_so(tree, tmp_path):
    layout, report, check = convert(YaleLongitudinal(), tree, tmp_path)
    assert (report.n_patients, report.n_scans, report.n_masks, report.n_lesions) == (2, 3, 0, 0)
    assert any("no lesion masks" in n for n in report.notes)
    assert not check.errors
    assert {w.code for w in check.warnings} == {"missing-mask"}
    dataset = read_dataset(layout)
    assert [s.days for s in dataset.scans] == [30.0, 395.0, 0.0]
    assert not dataset.cases


def test_dates_without_hyphens_and_dates_in_file_names_are_read(tmp_path):
    put_image(tmp_path / "Y 1" / "20120301" / "x_POST.nii", 1)
    put_image(tmp_path / "Y2" / "Y2_2012-03-05_10-00-00_POST.nii.gz", 2)
    put_image(tmp_path / "Y3" / "first" / "x_POST.nii.gz", 3)
    release = YaleLongitudinal().read(tmp_path)
    assert [s.scan_id for s in release.scans] == ["Yale-Y2_20120305", "Yale-Y-1_20120301"]
    assert [(d.name, d.reason) for d in release.dropped] == [
        ("Y3/first/x_POST.nii.gz", "neither its folder nor its name has a date"),
    ]


def test_another_folder_is_refused_with_what_was_looked_for(tmp_path):
    put_unused(tmp_path / "P01" / "2012-03-01" / "t1c.nii.gz")
    with pytest.raises(DatasetError, match=r"no <patient>/<date>/\*_POST.nii.gz"):
        YaleLongitudinal().read(tmp_path)
