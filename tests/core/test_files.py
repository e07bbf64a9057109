from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from rnnet.core.files import atomic_path, file_digest, text_digest, write_text


def write_half(target: Path) -> None:
    with atomic_path(target) as temporary:
        temporary.write_text("half")
        raise ValueError("disk full")


def test_a_failed_write_leaves_neither_half_a_file_nor_a_temporary_one(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    with pytest.raises(ValueError, match="disk full"):
        write_half(target)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_file_that_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    write_text(target, "old")
    with pytest.raises(ValueError, match="disk full"):
        write_half(target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_write_makes_the_folder_and_keeps_the_ending(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "x" / "y" / "a.nii.gz") as temporary:
        assert temporary.name.endswith(".nii.gz")
        assert not (tmp_path / "x" / "y" / "a.nii.gz").exists()
        temporary.write_bytes(b"1")
    assert (tmp_path / "x" / "y" / "a.nii.gz").read_bytes() == b"1"


def test_the_bytes_are_on_the_disk_before_the_file_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[int, int, bool]] = []

    def flush(descriptor: int) -> None:
        state = os.fstat(descriptor)
        flushed.append((state.st_ino, state.st_size, (tmp_path / "a").exists()))

    monkeypatch.setattr(os, "fsync", flush)
    write_text(tmp_path / "a", "whole")
    assert flushed == [((tmp_path / "a").stat().st_ino, 5, False)]


def test_digests_are_the_head_of_sha256(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "Grüße")
    expected = hashlib.sha256("Grüße".encode()).hexdigest()[:16]
    assert file_digest(tmp_path / "a") == text_digest("Grüße") == expected
