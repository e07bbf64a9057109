from __future__ import annotations

import os
import signal
import threading

from rnnet.training.interrupt import stop_on_sigterm


def test_the_signal_is_noted_inside_and_has_its_former_effect_afterwards() -> None:
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    try:
        with stop_on_sigterm() as requested:
            assert not requested()
            os.kill(os.getpid(), signal.SIGTERM)
            assert requested()
        assert received == []
        os.kill(os.getpid(), signal.SIGTERM)
        assert received == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_another_source_may_ask_to_stop_too_also_in_a_thread() -> None:
    asked = threading.Event()
    answers: list[bool] = []

    def work() -> None:
        with stop_on_sigterm(asked.is_set) as requested:
            answers.append(requested())
            asked.set()
            answers.append(requested())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [False, True]
