"""How often something costly may run beside training."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pace:
    """Lets an action run when it would take at most `share` of the time, or when `most_s` seconds have passed.

    Only when files appear depends on the clock, never what training computes. `cost_s` is the cost that counts
    before the first run has been measured.
    """

    def __init__(
        self, *, share: float, most_s: float = float("inf"), cost_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share = share
        self._most_s = most_s
        self._clock = clock
        self._last_s = clock()
        self._cost_s = cost_s

    def overdue(self) -> bool:
        """Whether `most_s` seconds have passed since the last run."""
        return self._clock() - self._last_s >= self._most_s

    def affordable(self) -> bool:
        """Whether the last run's cost is within its share of the time since, or the run is overdue."""
        return self.overdue() or self._cost_s <= self._share * (self._clock() - self._last_s)

    def run(self, action: Callable[[], None]) -> None:
        """Run the action and measure it."""
        begin = self._clock()
        action()
        self._last_s = self._clock()
        self._cost_s = self._last_s - begin
