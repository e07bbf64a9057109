"""The series of one case, found by the suffixes of the files in its folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rnnet.dataset.converters.folder_walk import NIFTI, FolderWalk

_SERIES = re.compile(rf"(?P<stem>.+){NIFTI}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """path: None where there is no such file, or no telling which (then `problem`). note: how it was found."""

    path: Path | None = None
    problem: str = ""
    note: str = ""


class CaseFiles:
    """NIfTI files of a case's folder, `<case>-<suffix>.nii.gz` or `<case>_<suffix>.nii`, in any letter case.

    A file whose name carries another case, or a suffix that nobody knows, is taken where nothing else can be meant:
    it is the only one with its suffix, or the only file left while just one kind is missing.
    """

    def __init__(
        self, walk: FolderWalk, folder: Path, files: Iterable[Path], suffixes: Mapping[str, tuple[str, ...]]
    ) -> None:
        """suffixes: by kind of series, without separator; the first is the one of the release."""
        self._walk = walk
        self._suffixes = suffixes
        self._exact: dict[str, list[Path]] = {kind: [] for kind in suffixes}
        self._other: dict[str, list[Path]] = {kind: [] for kind in suffixes}
        self._left: list[Path] = []
        for path in files:
            if match := _SERIES.fullmatch(path.name):
                self._sort_in(path, match["stem"].casefold(), folder.name.casefold())

    @property
    def is_empty(self) -> bool:
        """Whether the folder has no NIfTI file at all."""
        return not (self._left or any(self._exact.values()) or any(self._other.values()))

    def find(self, kind: str) -> FoundFile:
        """The file of a kind."""
        exact, other = self._exact[kind], self._other[kind]
        if exact:
            return self._one(kind, exact, "")
        if other:
            return self._one(kind, other, f"its name is not that of its folder; it is the only file with the suffix "
                                          f"of {kind} there, and was taken for it.")
        absent = [k for k in self._suffixes if not (self._exact[k] or self._other[k])]
        if absent == [kind] and len(_series(self._left)) == 1:
            return self._one(kind, self._left, f"its suffix is unknown; only {kind} is missing there, and it was taken "
                                               "for it.")
        return FoundFile()

    def claim_all(self, *used: str) -> int:
        """Claim the files of every kind, as far as `find` knows them; returns how many are of kinds but the `used`."""
        n_others = 0
        for kind in self._suffixes:
            found = self.find(kind).path
            claimed = {*(self._exact[kind] or self._other[kind]), *([found] if found else [])}
            self._walk.claim(*claimed)
            n_others += 0 if kind in used else len(claimed)
        return n_others

    def suffix(self, kind: str) -> str:
        """The suffix of a kind in the release."""
        return self._suffixes[kind][0]

    def _sort_in(self, path: Path, stem: str, folder: str) -> None:
        # Longer suffixes first: '-BraTS-seg' ends in '-seg' as well.
        known = [(s.casefold(), kind) for kind, several in self._suffixes.items() for s in several]
        for suffix, kind in sorted(known, key=lambda item: -len(item[0])):
            if re.fullmatch(rf"(.*[-_ ])?{re.escape(suffix)}", stem):
                exact = re.fullmatch(rf"{re.escape(folder)}[-_ ]{re.escape(suffix)}", stem)
                (self._exact if exact else self._other)[kind].append(path)
                return
        self._left.append(path)

    def _one(self, kind: str, candidates: list[Path], note: str) -> FoundFile:
        series = _series(candidates)
        names = ", ".join(p.name for p in candidates)
        if len(series) > 1:
            return FoundFile(problem=f"{len(series)} files could be its {kind}: {names}")
        # The same series compressed and not: one of them is enough.
        path = next((p for p in candidates if p.name.lower().endswith(".gz")), candidates[0])
        if len(candidates) > 1:
            note = f"it stands there {len(candidates)} times ({names}); this one is used. {note}".strip()
        return FoundFile(path, note=f"{self._walk.relative(path)}: {note}" if note else "")


def _series(paths: Iterable[Path]) -> set[str]:
    """Names without the image ending; a series that is there compressed and uncompressed counts once."""
    return {match["stem"].casefold() for p in paths if (match := _SERIES.fullmatch(p.name))}
