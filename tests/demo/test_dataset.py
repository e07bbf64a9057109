from dataclasses import replace

import pytest

from rnnet.core.errors import StaleArtefactError
from rnnet.core.files import file_digest
from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import read_dataset
from rnnet.dataset.integrity import check_dataset
from rnnet.demo.dataset import write_demo_datasets
from tests.demo.small_atlas import SMALL, make_atlas


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("raw")
    names = write_demo_datasets(root, make_atlas(), size=SMALL, seed=0, n_processes=1)
    return root, names


def test_all_three_data_sets_verify(written):
    root, names = written
    for name in (names.labelled, names.pool, names.second_center):
        report = check_dataset(RawLayout(root / name))
        assert report.errors == ()
        assert report.n_scans > 0


def test_case_ids_are_unique_and_no_patient_stands_in_two_splits(written):
    root, names = written
    cases = [
        case for name in (names.labelled, names.second_center) for case in read_dataset(RawLayout(root / name)).cases
    ]
    assert len({case.case_id for case in cases}) == len(cases)
    splits = {case.patient_id: {c.split for c in cases if c.patient_id == case.patient_id} for case in cases}
    assert all(len(s) == 1 for s in splits.values())


def test_every_split_and_centre_has_both_outcomes(written):
    root, names = written
    labelled, second = (read_dataset(RawLayout(root / name)) for name in (names.labelled, names.second_center))
    for cases in (labelled.training_cases(), labelled.test_cases(), second.test_cases()):
        assert {case.outcome for case in cases} == {"progression", "radiation_necrosis"}


def test_follow_up_scans_show_the_same_patient_later(written):
    root, names = written
    dataset = read_dataset(RawLayout(root / names.labelled))
    later = [scan for scan in dataset.scans if scan.scan_id.endswith("_t2")]
    assert later
    for scan in later:
        first = dataset.scan(scan.scan_id.replace("_t2", "_t1"))
        assert first.patient_id == scan.patient_id
        assert scan.days > first.days
        outcomes = [
            [c.outcome for c in dataset.cases if c.scan_id == s.scan_id] for s in (first, scan)
        ]
        assert outcomes[0] == outcomes[1]


def test_the_pool_is_declared_ready_and_has_several_lesions_each(written):
    root, names = written
    pool = read_dataset(RawLayout(root / names.pool))
    assert pool.manifest.declared.registered
    assert pool.manifest.declared.skull_stripped
    assert not pool.components
    assert len(pool.cases) == 3 * len(pool.scans)
    assert pool.labelled() == ()


def test_the_same_seed_gives_the_same_bytes(written, tmp_path):
    root, _ = written
    write_demo_datasets(tmp_path, make_atlas(), size=SMALL, seed=0, n_processes=1)
    files = sorted(p.relative_to(root) for p in root.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    assert all(file_digest(root / f) == file_digest(tmp_path / f) for f in files)


@pytest.mark.parametrize(("seed", "size"), [(1, SMALL), (0, replace(SMALL, n_train_patients=4))])
def test_scans_of_another_demonstration_are_not_mixed_with_its_labels(written, seed, size):
    root, names = written
    table = (root / names.labelled / "cases.csv").read_text()
    with pytest.raises(StaleArtefactError, match="another seed, size or atlas"):
        write_demo_datasets(root, make_atlas(), size=size, seed=seed, n_processes=1)
    assert (root / names.labelled / "cases.csv").read_text() == table


def test_an_interrupted_run_goes_on_with_the_missing_scan(written):
    root, names = written
    scans = sorted((root / names.pool / "imagesTr").iterdir())
    kept, lost, digest = scans[0].stat().st_mtime_ns, scans[1], file_digest(scans[1])
    lost.unlink()
    write_demo_datasets(root, make_atlas(), size=SMALL, seed=0, n_processes=1)
    assert file_digest(lost) == digest
    assert scans[0].stat().st_mtime_ns == kept


def test_the_time_since_radiosurgery_grows_by_the_days_between_two_scans(written):
    root, names = written
    dataset = read_dataset(RawLayout(root / names.labelled))
    by_id = {case.case_id: case for case in dataset.cases}
    gaps = {
        later.clinical["days_since_srs"] - by_id[name.replace("_t2", "_t1")].clinical["days_since_srs"]
        for name, later in by_id.items()
        if "_t2" in name and later.clinical["days_since_srs"] is not None
    }
    assert gaps == {90.0}
