"""One function over many items on the cores of this machine, with a progress bar and collected failures."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
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
    workers = max(1, min(n_processes, len(items)))
    if workers == 1:
        return [_guarded(function, item) for item in tqdm(items, desc=title, disable=not items)]
    with tempfile.TemporaryDirectory() as folder:
        # The function may carry an atlas of many megabytes: each worker reads it once, not with every item.
        stored = Path(folder) / "function.pickle"
        stored.write_bytes(pickle.dumps(function))
        jobs = (delayed(_guarded_stored)(str(stored), item) for item in items)
        with Parallel(n_jobs=workers, backend="loky", return_as="generator", inner_max_num_threads=1) as pool:
            return list(tqdm(pool(jobs), total=len(items), desc=title))


def _guarded(function: Callable[[Any], Result], item: Any) -> Result | RnnetError:
    try:
        return function(item)
    except RnnetError as error:
        return error


def _guarded_stored(path: str, item: Any) -> Any:
    return _guarded(_stored_function(path), item)


@lru_cache(maxsize=1)
def _stored_function(path: str) -> Callable[[Any], Any]:
    function: Callable[[Any], Any] = pickle.loads(Path(path).read_bytes())
    return function
