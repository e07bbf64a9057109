from __future__ import annotations

import os

import pytest

from rnnet.core.errors import CaseFailedError, RnnetError
from rnnet.core.parallel import map_cases


def double(number: int) -> int:
    if number == 3:
        raise CaseFailedError("Three fails.", where=str(number), fix="Use four.")
    return 2 * number


def process(_: int) -> int:
    return os.getpid()


@pytest.mark.parametrize("n_processes", [1, 2])
def test_results_keep_their_order_and_failures_their_place(n_processes: int) -> None:
    results = map_cases(double, [1, 3, 5, 2], n_processes=n_processes, title="t")
    assert [r if isinstance(r, int) else type(r) for r in results] == [2, CaseFailedError, 10, 4]
    failed = results[1]
    assert isinstance(failed, RnnetError)
    assert failed.fix == "Use four."


def test_several_processes_are_used_and_one_process_is_this_one() -> None:
    assert set(map_cases(process, [1, 2], n_processes=1, title="t")) == {os.getpid()}
    assert os.getpid() not in map_cases(process, [1, 2], n_processes=2, title="t")


def test_nothing_to_do_is_no_error() -> None:
    assert map_cases(double, [], n_processes=4, title="t") == []


def test_other_errors_are_not_swallowed() -> None:
    with pytest.raises(TypeError):
        map_cases(double, [None], n_processes=1, title="t")  # type: ignore[misc]
