"""Where HD-BET's weights lie, and which ones they are."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from rnnet.core.errors import MissingWeightsError
from rnnet.core.files import file_digest
from rnnet.core.workspace import Workspace

RELEASE = "release_2.0.0"
CHECKPOINT = Path("fold_all") / "checkpoint_final.pth"
# A trained model in nnU-Net's format.
_FILES = (Path("dataset.json"), Path("plans.json"), CHECKPOINT)


def hd_bet_folder(cache: Path) -> Path:
    """Where HD-BET's weights may lie in rnnet's cache."""
    return cache / "hd_bet"


def hd_bet_weights(folder: Path | None) -> Path | None:
    """The folder with HD-BET's weights: `folder` or its release; None if neither holds them."""
    candidates = [] if folder is None else [folder, folder / RELEASE]
    return next((c for c in candidates if all((c / name).is_file() for name in _FILES)), None)


def find_hd_bet_weights(workspace: Workspace) -> Path | None:
    """The weights in the user's folder if one is named, else in rnnet's cache, else in HD-BET's own; else None.

    Raises:
        MissingWeightsError: the folder that the user names does not hold them.
    """
    if workspace.hd_bet_weights is not None:
        named = hd_bet_weights(workspace.hd_bet_weights)
        if named is None:
            raise missing_weights(workspace.hd_bet_weights)
        return named
    return hd_bet_weights(hd_bet_folder(workspace.cache)) or hd_bet_weights(workspace.hd_bet_cache)


def weights_digest(folder: Path) -> str:
    """First 8 hex digits of the checkpoint's SHA-256."""
    state = (folder / CHECKPOINT).stat()
    return _digest(folder / CHECKPOINT, state.st_mtime_ns, state.st_size)[:8]


@lru_cache(maxsize=8)
def _digest(path: Path, _mtime_ns: int, _size: int) -> str:
    """Read once per process: every scan asks for it."""
    return file_digest(path)


def missing_weights(folder: Path | None) -> MissingWeightsError:
    """The error that names the ways to HD-BET's weights."""
    return MissingWeightsError(
        "HD-BET's weights are not there." if folder else "HD-BET's weights are not on this machine.",
        where=folder or "",
        fix=f"Name the folder that holds {', '.join(p.as_posix() for p in _FILES)} with --hd_bet_weights, or run "
        "rnnet_download_assets hd_bet where the network allows it, or plan with "
        "--set preprocessing.skull_strip.stripper=deepbet.",
    )
