from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from rnnet.core.errors import StorageError
from rnnet.core.files import atomic_path, write_bytes, write_text
from rnnet.core.storage import TEMPORARY_PREFIX, storage_errors, sweep_leftovers

LIMIT = """
import resource, sys
from pathlib import Path
from rnnet.core.files import write_bytes
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
write_bytes(Path(sys.argv[1]), bytes(5000))
"""


def write_half(path: Path, code: int) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"half")
        raise OSError(code, os.strerror(code))


@pytest.mark.parametrize(("code", "words"), [
    (errno.ENOSPC, "disk is full"), (errno.EDQUOT, "quota"), (errno.EROFS, "read-only"),
    (errno.EACCES, "may not write"), (errno.EFBIG, "larger than"),
])
def test_what_goes_wrong_with_a_disk_is_said_with_place_and_cure(code: int, words: str, tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    with pytest.raises(StorageError, match=words) as caught:
        write_half(target, code)
    assert caught.value.where == str(target)
    assert caught.value.fix
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on a file's size")
def test_a_real_limit_of_the_system_leaves_no_half_file(tmp_path: Path) -> None:
    result = subprocess.run([sys.executable, "-c", LIMIT, str(tmp_path / "a.bin")], capture_output=True, text=True,
                            check=False)
    assert result.stderr.strip().splitlines()[-1].startswith("rnnet.core.errors.StorageError: The file would be larger")
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_folder_is_needed_is_said(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    with pytest.raises(StorageError, match="A file stands where a folder is needed"):
        write_text(tmp_path / "store" / "a.json", "{}")


def test_other_errors_and_files_elsewhere_are_not_the_folders_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), storage_errors(tmp_path / "a"):
        raise FileNotFoundError(errno.ENOENT, "no", str(tmp_path / "a"))
    with pytest.raises(PermissionError), storage_errors(tmp_path / "store" / "a"):
        raise PermissionError(errno.EACCES, "no", str(tmp_path / "raw" / "image.nii.gz"))


@pytest.mark.parametrize(("code", "is_written"), [(errno.EINVAL, True), (errno.ENOSPC, False)])
def test_a_disk_that_is_found_full_only_when_flushed_is_said_and_one_that_cannot_flush_is_used(
    code: int, is_written: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with nullcontext() if is_written else pytest.raises(StorageError, match="disk is full"):
        write_text(tmp_path / "a", "text")
    assert [p.name for p in tmp_path.iterdir()] == (["a"] if is_written else [])


def test_leftovers_of_a_killed_process_are_swept_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "qc").mkdir()
    (tmp_path / "qc" / f"{TEMPORARY_PREFIX}1-a.png").touch()
    (tmp_path / f"{TEMPORARY_PREFIX}2-a.json").touch()
    write_bytes(tmp_path / "a.json", b"{}")
    assert sweep_leftovers(tmp_path) == 2
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["a.json"]
    assert sweep_leftovers(tmp_path / "missing") == 0


@pytest.mark.skipif(sys.platform == "win32", reason="goes by age there")
def test_a_file_that_a_running_process_writes_is_not_swept(tmp_path: Path) -> None:
    code = ("import sys, time; from pathlib import Path; from rnnet.core.files import atomic_path\n"
            "with atomic_path(Path(sys.argv[1])): print('open', flush=True); time.sleep(60)")
    writer = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "a")], stdout=subprocess.PIPE)
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"
        assert sweep_leftovers(tmp_path) == 0
        assert len(list(tmp_path.iterdir())) == 1
    finally:
        writer.kill()
        writer.wait()
    assert sweep_leftovers(tmp_path) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="goes by age there")
@pytest.mark.parametrize(("age_h", "swept"), [(1, 0), (30, 1)])
def test_without_locks_only_old_files_are_swept(
    age_h: float, swept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    path = tmp_path / f"{TEMPORARY_PREFIX}1-a"
    path.touch()
    os.utime(path, (time.time() - age_h * 3600,) * 2)
    monkeypatch.setattr("fcntl.flock", unsupported)
    write_text(tmp_path / "b", "written all the same")
    assert sweep_leftovers(tmp_path) == swept
