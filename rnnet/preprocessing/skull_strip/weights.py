"""Where HD-BET's weights may lie."""

from __future__ import annotations

from pathlib import Path

from rnnet.core.errors import MissingWeightsError

RELEASE = "release_2.0.0"


def hd_bet_weights(folder: Path | None) -> Path | None:
    """The folder with HD-BET's weights: the given one, or HD-BET's own cache; None if neither holds them."""
    candidates = [] if folder is None else [folder, folder / RELEASE]
    candidates.append(Path.home() / "hd-bet_params" / RELEASE)
    return next((c for c in candidates if (c / "fold_all" / "checkpoint_final.pth").is_file()), None)


def missing_weights(folder: Path | None) -> MissingWeightsError:
    """The error that names the ways to HD-BET's weights."""
    return MissingWeightsError(
        "HD-BET's weights are not on this machine.", where=folder or "",
        fix="Run rnnet_download_assets hd_bet where the network allows it, copy ~/hd-bet_params from another "
        "machine, or plan with --set preprocessing.skull_strip.stripper=deepbet.",
    )
