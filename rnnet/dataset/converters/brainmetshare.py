"""Stanford BrainMetShare, in its release of PNG slices and in that of NIfTI files.

Grøvik et al., Deep learning enables automatic detection and segmentation of brain metastases on multisequence MRI,
J Magn Reson Imaging 51 (2020) 175-182, doi:10.1002/jmri.26766.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rnnet.core.errors import DatasetError
from rnnet.core.wording import listed
from rnnet.dataset.converters.binary_mask import binary_lesions
from rnnet.dataset.converters.folder_walk import NIFTI, FolderWalk
from rnnet.dataset.converters.png_stack import PngStack, missing_numbers
from rnnet.dataset.converters.source import (
    Dropped,
    Release,
    SourceInfo,
    SourceMask,
    SourceScan,
    StoredFile,
    VolumeSource,
)

# The pictures have no header; 256 x 256 pixels, as the release describes them.
PNG_SPACING_ZYX_MM = (1.0, 0.94, 0.94)
# The lesions were drawn on the gradient-echo series after contrast (inversion-prepared fast spoiled gradient echo, GE's
# name is BRAVO); the spin-echo series after contrast ('2', t1_gd) is not used.
_PNG_IMAGE, _NIFTI_IMAGE, _MASK = "0", "bravo", "seg"
_SLICE = r"(?:.*/)?(?P<set>[^/]+)/(?P<patient>Mets_\d+)/(?P<kind>[0-3]|seg)/(?P<number>\d+)\.png"
_FILE = rf"(?:.*/)?(?P<set>[^/]+)/(?P<patient>Mets_\d+)/(?P<kind>bravo|t1_pre|t1_gd|flair|seg){NIFTI}"


@dataclass(slots=True)
class _Study:
    """One patient's folder: files of every kind, or slices by number."""

    folder: Path
    files: dict[str, Path] = field(default_factory=dict)
    slices: dict[str, dict[int, Path]] = field(default_factory=dict)


class BrainMetShare:
    """Reads either release, or both; of a patient who is in both, the NIfTI files, for their headers.

    Both releases are said to be skull-stripped. That is not declared: preprocessing looks at each scan by itself.
    """

    info = SourceInfo(
        name="brainmetshare",
        title="Stanford BrainMetShare",
        needs=(
            "mets_stanford_releaseMask_train/Mets_005/{0,seg}/*.png (and _test, without masks), or",
            "brainmetshare-3/{train,test1}/Mets_005/{bravo,seg}.nii.gz",
        ),
        gives="pool of lesions; scans without masks in the PNG release's test set",
        size="156 patients, one scan each: 105 with masks, 51 test patients",
        licence="see the data use agreement at https://aimi.stanford.edu/datasets/brainmetshare",
        access="https://aimi.stanford.edu/datasets/brainmetshare (registration)",
        reference="Grøvik et al., J Magn Reson Imaging 51 (2020) 175-182, doi:10.1002/jmri.26766",
    )

    def read(self, folder: Path) -> Release:
        """All scans below `folder`. Their patient ids are 'Stanford-Mets_005'.

        Raises:
            DatasetError: there is neither a stack of slices nor a NIfTI file where a release has them.
        """
        walk = FolderWalk(folder)
        dropped: list[Dropped] = []
        nifti, pictures = _nifti_studies(walk, dropped), _png_studies(walk, dropped)
        if not nifti and not pictures:
            raise DatasetError(
                "This does not look like BrainMetShare: there is neither Mets_*/0/*.png nor Mets_*/bravo.nii.gz.",
                where=folder, fix="Give the folder that the release was unpacked into.",
            )
        scans = [s for p, study in nifti.items() if (s := _of_files(p, study, dropped)) is not None]
        scans += [
            s for p, study in pictures.items() if p not in nifti and (s := _of_slices(p, study, dropped)) is not None
        ]
        return Release(
            scans=tuple(scans), dropped=tuple(dropped), unknown_files=walk.unknown(),
            notes=_notes(nifti, pictures, scans),
        )


def _nifti_studies(walk: FolderWalk, dropped: list[Dropped]) -> dict[str, _Study]:
    studies: dict[str, _Study] = {}
    for path, match in walk.placed(_FILE):
        walk.claim(path)
        study = _study_of(studies, match["patient"], path.parent, dropped)
        if study is not None:
            study.files.setdefault(match["kind"].lower(), path)
    return studies


def _png_studies(walk: FolderWalk, dropped: list[Dropped]) -> dict[str, _Study]:
    studies: dict[str, _Study] = {}
    for path, match in walk.placed(_SLICE):
        walk.claim(path)
        study = _study_of(studies, match["patient"], path.parent.parent, dropped)
        if study is not None:
            study.slices.setdefault(match["kind"].lower(), {}).setdefault(int(match["number"]), path)
    return studies


def _study_of(studies: dict[str, _Study], name: str, folder: Path, dropped: list[Dropped]) -> _Study | None:
    """The patient's study; None for a second folder of the same patient, which is reported once."""
    patient = f"Stanford-Mets_{name.partition('_')[2]}"
    study = studies.setdefault(patient, _Study(folder))
    if study.folder == folder:
        return study
    second = Dropped("scan", patient, f"the patient has a second folder, {folder}; the first, {study.folder}, is used")
    if second not in dropped:
        dropped.append(second)
    return None


def _of_files(patient: str, study: _Study, dropped: list[Dropped]) -> SourceScan | None:
    if _NIFTI_IMAGE not in study.files:
        dropped.append(Dropped("scan", patient, f"there is no {_NIFTI_IMAGE}.nii.gz in {study.folder}"))
        return None
    mask = study.files.get(_MASK)
    return _scan(patient, StoredFile(study.files[_NIFTI_IMAGE]), None if mask is None else StoredFile(mask))


def _of_slices(patient: str, study: _Study, dropped: list[Dropped]) -> SourceScan | None:
    image, mask = study.slices.get(_PNG_IMAGE), study.slices.get(_MASK)
    reason = _why_not(image, mask)
    if image is None or reason:
        dropped.append(Dropped("scan", patient, f"{reason} in {study.folder}"))
        return None
    return _scan(patient, _stack(image), None if mask is None else _stack(mask))


def _why_not(image: Mapping[int, Path] | None, mask: Mapping[int, Path] | None) -> str:
    """Why a stack cannot be used; '' if it can."""
    if image is None:
        return f"there are no slices of the series {_PNG_IMAGE}"
    for slices, what in ((image, f"series {_PNG_IMAGE}"), (mask, "mask")):
        gaps = missing_numbers(slices or ())
        if gaps:
            return f"slices of the {what} are missing: {listed(gaps)}"
    if mask is not None and set(mask) != set(image):
        return f"the mask has the slices {min(mask)} to {max(mask)}, the series {min(image)} to {max(image)}"
    return ""


def _stack(slices: Mapping[int, Path]) -> PngStack:
    ordered = tuple(slices[number] for number in sorted(slices))
    return PngStack(ordered[0].parent, ordered, PNG_SPACING_ZYX_MM)


def _scan(patient: str, image: VolumeSource, mask: VolumeSource | None) -> SourceScan:
    return SourceScan(patient, patient, "Stanford", image,
                      None if mask is None else SourceMask((mask,), binary_lesions), days=None)


def _notes(nifti: Mapping[str, _Study], pictures: Mapping[str, _Study], scans: list[SourceScan]) -> tuple[str, ...]:
    notes = ["The releases' own test patients are no held-out patients here: all scans go to imagesTr."]
    both = len(set(nifti) & set(pictures))
    if both:
        notes.append(f"{both} patient(s) are in both releases; each is taken once, from the NIfTI files.")
    stacks = sum(isinstance(s.image, PngStack) for s in scans)
    if stacks:
        notes.append(f"{stacks} scan(s) are stacks of PNG slices: spacing 1 x 0.94 x 0.94 mm (z, y, x), slice numbers "
                     "rising towards the head and the patient's right on the left of the picture are assumed.")
    without = sum(s.mask is None for s in scans)
    if without:
        notes.append(f"{without} scan(s) have no mask.")
    return tuple(notes)
