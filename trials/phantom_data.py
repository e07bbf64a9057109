"""Raw data sets of implanted lesions, larger than the demonstration's: python -m trials.phantom_data ROOT."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from rnnet.core.errors import RnnetError
from rnnet.core.log import configure_logging, get_logger
from rnnet.core.workspace import Workspace
from rnnet.demo.dataset import write_demo_datasets
from rnnet.demo.size import DemoSize
from rnnet.experiment.access import workspace_atlas

log = get_logger("rnnet.trials.phantom_data")

# Another seed than the demonstration's.
SEED = 101
# 90 training lesions; no follow-up scans, so that every lesion counts once.
SIZE = DemoSize(
    n_train_patients=45, n_test_patients=24, n_second_center_patients=24, n_pool_scans=150, follow_up_every=1000,
    whole_head_share=0.2,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m trials.phantom_data", description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--atlas", type=Path, help="SRI24 or its folder; default: as rnnet_download_assets keeps it")
    parser.add_argument("-np", dest="n_processes", type=int, default=1)
    chosen = parser.parse_args(argv)
    configure_logging()
    workspace = Workspace.from_settings(chosen.root, os.environ, atlas=chosen.atlas)
    try:
        names = write_demo_datasets(
            workspace.raw, workspace_atlas(workspace), size=SIZE, seed=chosen.seed, n_processes=chosen.n_processes
        )
    except RnnetError as error:
        log.error("error: %s", error)
        return 2
    log.info("%s, %s and %s in %s", names.labelled, names.pool, names.second_center, workspace.raw)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
