"""The files of a release, listed once: a converter takes those that it knows, the rest is reported as unknown."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from rnnet.core.errors import DatasetError

# What file browsers and office programs leave behind. '._NAME' holds a file's Macintosh attributes, '~$NAME' locks an
# open table: both have that file's own ending, so by its ending alone they would be taken for an image or table.
_JUNK_FILES = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_JUNK_FOLDERS = frozenset({"__macosx"})
_JUNK_BEGINNINGS = ("._", "~$")
NIFTI = r"\.nii(?:\.gz)?"


class FolderWalk:
    """Every file below `root` in natural order, without the litter of file browsers; no file is opened.

    files, folders: full paths. Folders behind links are entered, except into a folder that they lie in.
    """

    def __init__(self, root: Path) -> None:
        """List everything below `root`.

        Raises:
            DatasetError: `root` is not a folder, or a folder below it cannot be read.
        """
        if not root.is_dir():
            raise DatasetError("There is no such folder.", where=root, fix="Give the folder of the release with -i.")
        self.root = root
        self.files: list[Path] = []
        self.folders: list[Path] = []
        self._claimed: set[Path] = set()
        # Folder -> itself and the folders above it, the innermost first; `root` is left out.
        self._lineage: dict[Path, tuple[Path, ...]] = {root: ()}
        self._walk(root, (os.path.realpath(root),))
        self.files.sort(key=self._order)
        self.folders.sort(key=self._order)

    def named(self, pattern: str) -> Iterator[tuple[Path, re.Match[str]]]:
        """Files whose name matches the regular expression from end to end in any letter case, with the match."""
        expression = re.compile(pattern, re.IGNORECASE)
        for path in self.files:
            if match := expression.fullmatch(path.name):
                yield path, match

    def placed(self, pattern: str) -> Iterator[tuple[Path, re.Match[str]]]:
        """As `named`, for the path below `root`, with '/' between folders."""
        expression = re.compile(pattern, re.IGNORECASE)
        for path in self.files:
            if match := expression.fullmatch(self.relative(path)):
                yield path, match

    def by_folder(self) -> dict[Path, list[Path]]:
        """The files that lie directly in each folder; a folder without files has an empty list."""
        found: dict[Path, list[Path]] = {self.root: [], **{folder: [] for folder in self.folders}}
        for path in self.files:
            found[path.parent].append(path)
        return found

    def claim(self, *paths: Path) -> None:
        """Mark files as known to the converter, used or not; a folder stands for all files below it."""
        self._claimed.update(paths)

    def relative(self, path: Path) -> str:
        """The path below `root`, with '/' between folders."""
        return path.relative_to(self.root).as_posix()

    def unknown(self) -> tuple[Path, ...]:
        """Files that nobody claimed; a folder of which no file is claimed stands for everything in it."""
        known: set[Path] = set()
        rest: list[tuple[Path, tuple[Path, ...]]] = []
        for path in self.files:
            above = self._lineage[path.parent]
            if path in self._claimed or not self._claimed.isdisjoint(above):
                known.update(above)
            else:
                rest.append((path, above))
        # The outermost folder that has nothing known in it, else the file itself.
        folded = (next((f for f in reversed(above) if f not in known), path) for path, above in rest)
        return tuple(dict.fromkeys(folded))

    def _walk(self, folder: Path, real_above: tuple[str, ...]) -> None:
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda e: e.name)
        except OSError as failure:
            raise DatasetError(
                f"The folder cannot be read ({failure.strerror}).", where=folder, fix="Check your right to read it.",
            ) from failure
        for entry in found:
            path, name = folder / entry.name, entry.name.lower()
            if entry.is_dir():
                real = os.path.realpath(path) if entry.is_symlink() else os.path.join(real_above[-1], entry.name)
                if name not in _JUNK_FOLDERS and real not in real_above:
                    self.folders.append(path)
                    self._lineage[path] = (path, *self._lineage[folder])
                    self._walk(path, (*real_above, real))
            elif name not in _JUNK_FILES and not name.startswith(_JUNK_BEGINNINGS):
                self.files.append(path)

    def _order(self, path: Path) -> list[tuple[int, str]]:
        return natural_key(self.relative(path))


def natural_key(text: str) -> list[tuple[int, str]]:
    """Sort key by which '2.png' stands before '10.png', in any letter case."""
    parts: Iterable[str] = re.split(r"(\d+)", text.lower())
    return [(int(p), "") if p.isdecimal() else (0, p) for p in parts]
