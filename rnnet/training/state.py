"""Where a training run stands: enough to go on as if nothing had happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rnnet.core.codec import to_plain


@dataclass(frozen=True, slots=True)
class FitState:
    """Progress of `fit`. Generators are not part of it: they are derived from seed, epoch and step.

    Attributes:
        epoch: finished epochs.
        step: finished steps of the epoch under way.
        sums: sums of the step losses of the epoch under way.
        counted: steps that went into `sums`.
        skipped_in_a_row: steps skipped since the last good one because a loss or gradient was not finite.
        best: best value of the selecting metric so far, None before the first.
        history: one row of figures for each finished epoch.
    """

    epoch: int = 0
    step: int = 0
    sums: Mapping[str, float] = field(default_factory=dict)
    counted: int = 0
    skipped_in_a_row: int = 0
    best: float | None = None
    history: tuple[Mapping[str, float], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain types."""
        plain: dict[str, Any] = to_plain(self)
        return plain
