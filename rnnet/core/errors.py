"""Every failure says what is wrong, where, and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RnnetError(Exception):
    """Base of all errors that a user can cure; the command line prints it in one line and exits 2."""

    def __init__(self, problem: str, *, where: object = "", fix: str = "") -> None:
        self.problem = problem
        self.where = str(where)
        self.fix = fix
        super().__init__(problem)

    def __str__(self) -> str:
        where = f" [{self.where}]" if self.where else ""
        return f"{self.problem}{where} {self.fix}".rstrip()

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders; the default reduction would lose the keyword-only parts.
        return (_rebuild, (type(self), self.problem, self.where, self.fix))


def _rebuild(kind: type[RnnetError], problem: str, where: str, fix: str) -> RnnetError:
    return kind(problem, where=where, fix=fix)


class DatasetError(RnnetError):
    """The raw data set does not follow the convention."""


class FileFormatError(RnnetError):
    """A file cannot be read as what it should be."""


class GeometryError(RnnetError):
    """Grids, spacings or directions do not fit together."""


class MissingStageError(RnnetError):
    """A command needs the result of another command that has not run yet."""


class StaleArtefactError(RnnetError):
    """A stored result was made from inputs that have changed since."""


class MissingDependencyError(RnnetError):
    """An optional library is not installed."""


class MissingWeightsError(RnnetError):
    """Weights or an atlas are not on this machine."""


class LeakageError(RnnetError):
    """The same patient, scan or lesion would be used for fitting and for evaluation."""


class StorageError(RnnetError):
    """A folder cannot be written to, for example because the disk is full: no scan after this one could be either."""


class CaseFailedError(RnnetError):
    """One scan or lesion could not be processed; the others go on."""


class SettingError(RnnetError):
    """A plan field or an argument has a value that it must not have."""


class UnknownComponentError(RnnetError):
    """A name is not in its table."""

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str], *, where: object = "") -> UnknownComponentError:
        """Error for `name`, with the nearest known name if one is near."""
        names = sorted(known)
        return cls(f"Unknown {kind} '{name}'.", where=where, fix=did_you_mean(name, names))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """'Did you mean x?' when a known name is near, else the list of the known names."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(names)}."
