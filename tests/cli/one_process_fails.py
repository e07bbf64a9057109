"""rnnet_pretrain, one of whose processes fails after the first epoch: FAILING_RANK, as FAILING says, once."""

from __future__ import annotations

import os
import signal
import sys

from rnnet.cli.pretrain import main
from rnnet.core.errors import RnnetError
from rnnet.training.pretrain_task import PretrainTask

PROBLEM = "The memory of this process is not enough."
_evaluate = PretrainTask.evaluate


def evaluate(task: PretrainTask) -> dict[str, float]:
    """As the task does, but for the process that is to fail."""
    if os.environ["RANK"] == os.environ["FAILING_RANK"] and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        if os.environ["FAILING"] == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise RnnetError(PROBLEM, fix="Buy more.")
    return _evaluate(task)


if __name__ == "__main__":
    PretrainTask.evaluate = evaluate  # type: ignore[method-assign]
    sys.exit(main())
