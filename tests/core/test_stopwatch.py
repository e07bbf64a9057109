from __future__ import annotations

import pytest

from rnnet.core.stopwatch import Stopwatch, untimed


def test_a_step_that_runs_twice_is_added_up() -> None:
    watch = Stopwatch()
    with watch("n4"):
        pass
    first = watch.seconds["n4"]
    with watch("n4"):
        pass
    assert watch.seconds["n4"] > first > 0


def test_a_step_that_fails_is_timed_and_its_error_goes_on() -> None:
    watch = Stopwatch()
    with pytest.raises(ValueError, match="broken"), watch("registration"):
        raise ValueError("broken")
    assert list(watch.seconds) == ["registration"]


def test_untimed_runs_the_block() -> None:
    ran = []
    with untimed("n4"):
        ran.append(1)
    assert ran == [1]
