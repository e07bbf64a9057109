"""A release becomes a raw data set: images, masks, tables, and an account of what was taken and what was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rnnet.core.codec import read_artefact, write_artefact
from rnnet.core.errors import DatasetError, RnnetError
from rnnet.core.parallel import map_cases
from rnnet.core.storage import sweep_leftovers
from rnnet.core.types import LesionCase, Scan
from rnnet.core.workspace import RawLayout
from rnnet.dataset.converters.place_scan import WRITTEN_ENDING, PlacedScan, PlaceScan
from rnnet.dataset.converters.source import Dropped, Release, SourceInfo, SourceLesion, SourceScan
from rnnet.dataset.manifest import Manifest
from rnnet.dataset.write_tables import write_cases, write_manifest, write_other_ids, write_patients


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """Content of conversion.json.

    labelled: lesions on scans by outcome. n_masks: scans with a mask. dropped: what the data set does not have, with
    the reason. unknown_files: files and folders of the release that the converter did not expect.
    """

    source: str
    folder: str
    linked: bool
    finished: bool = False
    n_patients: int = 0
    n_scans: int = 0
    n_masks: int = 0
    n_lesions: int = 0
    labelled: Mapping[str, int] = field(default_factory=dict)
    dropped: tuple[Dropped, ...] = ()
    unknown_files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def write_release(
    release: Release, info: SourceInfo, layout: RawLayout, *, name: str, folder: str, link: bool, n_processes: int
) -> ConversionReport:
    """Write the raw data set of a release; a run that was interrupted goes on with the scans that are missing.

    Args:
        release: as its converter read it.
        info: of its source; reference and licence go into dataset.json.
        layout: of the new data set.
        name: readable, for dataset.json.
        folder: where the release lies, for the account.
        link: link images instead of copying them.
        n_processes: scans at a time.

    Raises:
        DatasetError: there is such a data set already, or nothing of the release can be used.
        StorageError: the folder cannot be written to.
    """
    _begin(layout, ConversionReport(info.name, folder, link))
    by_id = {scan.scan_id: scan for scan in release.scans}
    labelled = release.lesions is not None
    work = PlaceScan(layout, link=link, needs_lesion=labelled)
    results = map_cases(work, release.scans, n_processes=n_processes, title="converting scans")
    placed: list[PlacedScan] = []
    dropped = list(release.dropped)
    for scan, result in zip(release.scans, results, strict=True):
        if isinstance(result, RnnetError):
            where = f" [{result.where}]" if result.where else ""
            dropped.append(Dropped("scan", scan.scan_id, f"{result.problem}{where}"))
        else:
            placed.append(result)
    if not placed:
        raise DatasetError(
            f"None of the {len(release.scans)} scans of this release can be used.", where=folder,
            fix=f"The first reason: {dropped[0].reason}" if dropped else "Is it the right folder?",
        )
    scans = {p.scan_id: _scan(layout, by_id[p.scan_id]) for p in placed}
    cases: list[LesionCase] = []
    if release.lesions is not None:
        cases, absent = _cases(release.lesions, placed, by_id)
        dropped += absent
    manifest = _manifest(release, info, name, placed, scans)
    if labelled:
        write_cases(layout, manifest, cases, scans)
    else:
        write_patients(layout, scans.values())
    patients = {scan.patient_id for scan in scans.values()}
    write_other_ids(layout, {p: names for p, names in release.other_ids.items() if p in patients})
    report = ConversionReport(
        info.name, folder, link, finished=True, n_patients=len(patients), n_scans=len(placed),
        n_masks=sum(by_id[p.scan_id].mask is not None for p in placed),
        n_lesions=len(cases) if labelled else _lesions_of_a_pool(placed),
        labelled=dict(sorted(Counter(c.outcome for c in cases if c.outcome is not None).items())),
        dropped=tuple(dropped), unknown_files=tuple(map(str, release.unknown_files)),
        notes=(*release.notes, *_grid_notes(placed)),
    )
    write_artefact(layout.conversion_json, report)
    write_manifest(layout, manifest)
    return report


def _begin(layout: RawLayout, begun: ConversionReport) -> None:
    """Refuse a folder that is taken; clear what a killed run left of temporary files."""
    if layout.dataset_json.exists():
        raise DatasetError("There is a data set in this folder already.", where=layout.folder,
                           fix="Choose another number or name, or remove the folder.")
    if layout.conversion_json.is_file():
        former = read_artefact(layout.conversion_json, ConversionReport, made_by="rnnet_convert_dataset")
        if (former.source, former.folder) != (begun.source, begun.folder):
            raise DatasetError(
                f"An unfinished conversion of {former.source} from {former.folder} lies here.", where=layout.folder,
                fix="Finish that one with the same command, or remove the folder.",
            )
        if former.linked != begun.linked:
            raise DatasetError(
                f"The conversion was begun {'with' if former.linked else 'without'} --link.", where=layout.folder,
                fix="Go on with the same command, or remove the folder.",
            )
    elif layout.folder.is_dir() and any(layout.folder.iterdir()):
        raise DatasetError("The folder is not empty, and no conversion was begun in it.", where=layout.folder,
                           fix="Choose another number or name, or remove the folder.")
    for folder in (layout.images("train"), layout.images("test"), layout.labels("train"), layout.labels("test")):
        if folder.is_dir():
            sweep_leftovers(folder)
    write_artefact(layout.conversion_json, begun)


def _scan(layout: RawLayout, scan: SourceScan) -> Scan:
    image = layout.image_path(scan.scan_id, scan.split, WRITTEN_ENDING)
    return Scan(scan.scan_id, scan.patient_id, scan.center, scan.days, image, None, scan.split)


def _cases(
    lesions: Sequence[SourceLesion], placed: Sequence[PlacedScan], scans: Mapping[str, SourceScan]
) -> tuple[list[LesionCase], list[Dropped]]:
    """A case for every lesion of the masks, with what the release's tables say of it; and rows without a lesion."""
    rows = {(row.scan_id, row.lesion_value): row for row in lesions}
    cases: list[LesionCase] = []
    for found in placed:
        scan = scans[found.scan_id]
        for value in found.lesion_values:
            row = rows.pop((found.scan_id, value), SourceLesion(found.scan_id, value))
            cases.append(LesionCase(
                f"{found.scan_id}_{value}", found.scan_id, scan.patient_id, scan.center, value, scan.split,
                row.outcome, row.label_source, row.clinical, row.information,
            ))
    written = {p.scan_id for p in placed}
    absent = [
        Dropped("lesion", f"{scan_id}, lesion {value}", "the scan's mask does not have it")
        for scan_id, value in rows if scan_id in written
    ]
    return cases, absent


def _lesions_of_a_pool(placed: Sequence[PlacedScan]) -> int:
    """As the reader of a pool counts them: components if no mask has several values, else values."""
    if all(len(p.lesion_values) <= 1 for p in placed):
        return sum(p.n_components or 0 for p in placed)
    return sum(len(p.lesion_values) for p in placed)


def _manifest(
    release: Release, info: SourceInfo, name: str, placed: Sequence[PlacedScan], scans: Mapping[str, Scan]
) -> Manifest:
    endings = Counter(p.ending for p in placed if p.ending)
    splits = Counter(scan.split for scan in scans.values())
    return Manifest(
        name=name, channel_names={"0": "T1CE"}, outcomes=release.outcomes, positive_outcome=release.positive_outcome,
        clinical=release.clinical, information=release.information,
        file_ending=endings.most_common(1)[0][0] if endings else WRITTEN_ENDING, numTraining=splits["train"],
        numTest=splits["test"], preprocessed=release.preprocessed, reference=release.reference or info.reference,
        licence=release.licence or info.licence,
    )


def _grid_notes(placed: Sequence[PlacedScan]) -> list[str]:
    """What was done about masks on other grids than their images', counted."""
    counts = Counter(p.note for p in placed if p.note)
    return [f"{number} scan(s): {note}" for note, number in counts.most_common()]
