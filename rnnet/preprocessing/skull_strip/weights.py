"""Where HD-BET's weights may lie."""

from __future__ import annotations

from pathlib import Path

RELEASE = "release_2.0.0"


def hd_bet_weights(folder: Path | None) -> Path | None:
    """The folder with HD-BET's weights: the given one, or HD-BET's own cache; None if neither holds them."""
    candidates = [] if folder is None else [folder, folder / RELEASE]
    candidates.append(Path.home() / "hd-bet_params" / RELEASE)
    return next((c for c in candidates if (c / "fold_all" / "checkpoint_final.pth").is_file()), None)
