import pytest

from rnnet.core.errors import DatasetError
from rnnet.dataset.converters.folder_walk import FolderWalk, natural_key


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_names_and_places_match_in_any_letter_case_and_from_end_to_end(tmp_path):
    touch(tmp_path, "P1/p1_T1C.NII.gz", "P1/p1_t1c.nii.gz.bak", "t1c.nii")
    walk = FolderWalk(tmp_path)
    assert [p.name for p, _ in walk.named(r".*t1c\.nii(\.gz)?")] == ["p1_T1C.NII.gz", "t1c.nii"]
    assert [m["who"] for _, m in walk.placed(r"(?P<who>p\d+)/.*t1c\.nii\.gz")] == ["P1"]


def test_a_folder_without_a_claimed_file_is_one_unknown_entry(tmp_path):
    touch(tmp_path, "a/used.nii", "a/odd.txt", "a/deep/x", "other/in/y", "other/z", "odd.csv")
    walk = FolderWalk(tmp_path)
    walk.claim(tmp_path / "a" / "used.nii")
    assert [walk.relative(p) for p in walk.unknown()] == ["a/deep", "a/odd.txt", "odd.csv", "other"]


def test_a_claimed_folder_stands_for_its_files(tmp_path):
    touch(tmp_path, "a/b/x", "a/b/y", "a/z")
    walk = FolderWalk(tmp_path)
    walk.claim(tmp_path / "a" / "b")
    assert [walk.relative(p) for p in walk.unknown()] == ["a/z"]


def test_litter_of_file_browsers_is_not_listed(tmp_path):
    touch(tmp_path, ".DS_Store", "Thumbs.db", "a/._x_t1c.nii.gz", "__MACOSX/a/x.nii", "a/~$ids.xlsx",
          "a/x_t1c.nii.gz")
    walk = FolderWalk(tmp_path)
    assert [walk.relative(p) for p in walk.files] == ["a/x_t1c.nii.gz"]


def test_files_stand_in_natural_order_and_empty_folders_are_seen(tmp_path):
    touch(tmp_path, "P10/a", "P2/a")
    (tmp_path / "P3").mkdir()
    walk = FolderWalk(tmp_path)
    counts = {walk.relative(folder): len(files) for folder, files in walk.by_folder().items()}
    assert counts == {".": 0, "P2": 1, "P3": 0, "P10": 1}
    assert [walk.relative(p) for p in walk.files] == ["P2/a", "P10/a"]
    assert sorted(["10.png", "9.png", "B2", "b1"], key=natural_key) == ["9.png", "10.png", "b1", "B2"]


def test_a_linked_folder_is_entered_and_a_circle_of_links_ends(tmp_path):
    touch(tmp_path, "store/P1/a")
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "P1").symlink_to(tmp_path / "store" / "P1")
    (tmp_path / "store" / "P1" / "back").symlink_to(tmp_path / "store" / "P1")
    walk = FolderWalk(tmp_path / "release")
    assert [walk.relative(p) for p in walk.files] == ["P1/a"]


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="no such folder"):
        FolderWalk(tmp_path / "nothing")
