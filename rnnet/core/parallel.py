"""One function over many items on the cores of this machine, with a progress bar and collected failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from joblib import Parallel, delayed
from tqdm import tqdm

from rnnet.core.errors import RnnetError

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_cases(
    function: Callable[[Item], Result], items: Sequence[Item], *, n_processes: int, title: str
) -> list[Result | RnnetError]:
    """Results in the order of `items`; an RnnetError of one item is returned in its place, the rest goes on.

    Each worker gets an equal share of the cores, so that n_processes workers use n_processes cores.
    """
    guarded = delayed(_guarded)
    jobs = (guarded(function, item) for item in items)
    workers = max(1, min(n_processes, len(items)))
    if workers == 1:
        return [_guarded(function, item) for item in tqdm(items, desc=title, disable=not items)]
    with Parallel(n_jobs=workers, backend="loky", return_as="generator", inner_max_num_threads=1) as pool:
        return list(tqdm(pool(jobs), total=len(items), desc=title))


def _guarded(function: Callable[[Any], Result], item: Any) -> Result | RnnetError:
    try:
        return function(item)
    except RnnetError as error:
        return error
