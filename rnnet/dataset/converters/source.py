"""What a converter says of its source, and what it found in a release; nothing is written here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rnnet.core.types import ClinicalValue, Split
from rnnet.core.volume import Volume, read_volume
from rnnet.dataset.manifest import ClinicalColumn, DeclaredState


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """A source in the words of `rnnet_convert_dataset --list`.

    name: as it is typed. needs: files and folders that must lie in the folder. gives: what the raw data set holds
    ("labelled lesions over time", "pool of lesions", "pool of scans without masks"). access: where to ask for it.
    reference, licence: go into dataset.json.
    """

    name: str
    title: str
    needs: tuple[str, ...]
    gives: str
    size: str
    licence: str
    access: str
    reference: str


class VolumeSource(Protocol):
    """Where the voxels of an image or mask are."""

    @property
    def path(self) -> Path:
        """The file or folder, for messages."""
        ...

    def read(self) -> Volume:
        """The voxels. Raises FileFormatError or GeometryError."""
        ...


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An image file, or a folder of DICOM slices, that rnnet reads as it is: it can be copied or linked."""

    path: Path

    def read(self) -> Volume:
        """The voxels."""
        return read_volume(self.path)


# From the volumes of a mask's parts to one with the value k where lesion k is (uint16 or smaller, 0 elsewhere), all on
# the grid of the first part. Must be picklable: a module-level function, a functools.partial of one, or a dataclass.
LabelRule = Callable[[Sequence[Volume]], Volume]


def as_stored(parts: Sequence[Volume]) -> Volume:
    """The rule of a mask whose values are the lesions' numbers already; such a mask is copied or linked as it is."""
    return parts[0]


@dataclass(frozen=True, slots=True)
class SourceMask:
    """The lesions of a scan: one or several files, and how they are read."""

    parts: tuple[VolumeSource, ...]
    rule: LabelRule = as_stored


@dataclass(frozen=True, slots=True)
class SourceScan:
    """One T1CE series. scan_id: fit for a file name, unique in the release. days: since the patient's first scan.

    patient_id: begins with the source's name for patients ("UCSF-100101"), so that no two sources share one by chance.
    mask: None for a scan without a mask. Where it has one and `may_be_empty` is false, an empty mask drops the scan.
    """

    scan_id: str
    patient_id: str
    center: str
    image: VolumeSource
    mask: SourceMask | None
    days: float | None = None
    split: Split = "train"
    may_be_empty: bool = True


@dataclass(frozen=True, slots=True)
class SourceLesion:
    """One lesion on one scan, as a row of cases.csv will have it; its value must occur in the scan's mask."""

    scan_id: str
    lesion_value: int
    outcome: str | None = None
    label_source: str = ""
    clinical: Mapping[str, ClinicalValue] = field(default_factory=dict)
    information: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dropped:
    """Something of the release that the raw data set will not have. kind: 'patient', 'scan' or 'lesion'."""

    kind: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Release:
    """A whole release, read from its folder.

    lesions: None for a pool, whose masks alone say what the lesions are. A lesion of a mask without a row gets a row
    without outcome. clinical, information: what dataset.json declares of the columns. other_ids: names under which
    other sources know a patient, by patient_id. unknown_files: files (or folders, for everything in them) that the
    converter did not expect. notes: whatever the user must hear: values mended, ambiguous rows. name, reference,
    licence: where they are this release's own and not the source's.
    """

    scans: tuple[SourceScan, ...]
    lesions: tuple[SourceLesion, ...] | None = None
    clinical: Mapping[str, ClinicalColumn] = field(default_factory=dict)
    information: Mapping[str, str] = field(default_factory=dict)
    preprocessed: DeclaredState | None = None
    outcomes: Mapping[str, int] = field(default_factory=lambda: {"progression": 0, "radiation_necrosis": 1})
    positive_outcome: str = "radiation_necrosis"
    other_ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dropped: tuple[Dropped, ...] = ()
    unknown_files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    name: str = ""
    reference: str = ""
    licence: str = ""


class Converter(Protocol):
    """A row of the table of converters."""

    @property
    def info(self) -> SourceInfo:
        """What --list prints."""
        ...

    def read(self, folder: Path) -> Release:
        """Everything usable below `folder`, whose files are only listed, and tables read; no voxel is read.

        Raises:
            DatasetError: the folder does not look like this source; the message names what was looked for.
        """
        ...
