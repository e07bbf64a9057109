"""Seconds per step, for benchmarks: the work itself never reads a clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

# Called with a step's name; the step runs inside the context.
Timer = Callable[[str], AbstractContextManager[None]]


def untimed(_step: str) -> AbstractContextManager[None]:
    """The timer of ordinary runs."""
    return nullcontext()


class Stopwatch:
    """A timer that adds up the wall-clock seconds of every step by its name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Time the block as part of `step`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[step] = self.seconds.get(step, 0.0) + time.perf_counter() - started
