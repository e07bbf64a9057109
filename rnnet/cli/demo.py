"""rnnet_demo: the whole road on implanted lesions, by the very commands that a user types."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from rnnet.cli import _common
from rnnet.core.errors import RnnetError
from rnnet.core.workspace import Workspace
from rnnet.demo.budget import DemoBudget, budget_for

NOTICE = (
    "This is a demonstration: a program implants lesions into one atlas head. "
    "The figures show that the road works; they say nothing about patients."
)


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_demo",
        "Build a small data set of implanted lesions and run every command on it, from the integrity check "
        "to the report. Takes about ten minutes on two cores.",
        "rnnet_demo --out rnnet_demo",
        folders=False,
    )
    parser.add_argument("--out", type=Path, default=Path("rnnet_demo"), metavar="DIR", help="default: %(default)s")
    parser.add_argument(
        "--minutes",
        type=_common.positive_int,
        default=10,
        metavar="N",
        help="size the data and the training for about N minutes on two cores (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the implanted lesions (default: %(default)s)")
    _common.add_processes(parser)
    _common.add_atlas(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> None:
    from rnnet.demo.dataset import write_demo_datasets
    from rnnet.experiment.access import workspace_atlas

    started = time.monotonic()
    print(NOTICE)
    workspace = _common.workspace_of(arguments, root=arguments.out)
    if workspace.atlas is None:
        _command("rnnet_download_assets", "sri24")
    budget = budget_for(arguments.minutes)
    names = write_demo_datasets(
        workspace.raw,
        workspace_atlas(workspace),
        size=budget.size,
        seed=arguments.seed,
        n_processes=arguments.n_processes,
    )
    for step in _road(workspace, arguments, budget, names.labelled, names.pool, names.second_center):
        _command(*step)
    _print_end(workspace, names.labelled, time.monotonic() - started)


def _road(
    workspace: Workspace, arguments: argparse.Namespace, budget: DemoBudget, labelled: str, pool: str, second: str
) -> list[tuple[str, ...]]:
    """The commands of the demonstration, in order."""
    root = ("--root", str(arguments.out))
    atlas = ("--atlas", str(arguments.atlas)) if arguments.atlas else ()
    cores = ("-np", str(arguments.n_processes))
    number, pool_number, second_number = (str(int(name[7:10])) for name in (labelled, pool, second))
    raw = workspace.raw_dataset(second)
    steps: list[tuple[str, ...]] = [
        ("rnnet_verify_dataset_integrity", "-d", number, pool_number, second_number, *cores, *root),
        (
            "rnnet_plan_and_preprocess",
            "-d",
            number,
            pool_number,
            "--explain",
            *cores,
            *atlas,
            *root,
            "--set",
            *budget.settings,
        ),
        ("rnnet_plot_qc", number, *cores, *root),
        ("rnnet_pretrain", "-d", number, pool_number, *root),
    ]
    steps += [
        ("rnnet_train", number, str(fold), "-c", config, *root)
        for config in budget.configs
        for fold in range(budget.n_folds)
    ]
    steps += [
        ("rnnet_fuse", number, *cores, *root),
        ("rnnet_explain", number, "--max", "6", *root),
        (
            "rnnet_predict",
            "-i",
            str(raw.images("test")),
            "-m",
            str(raw.labels("test")),
            "-o",
            str(arguments.out / "predictions"),
            "-d",
            number,
            "-c",
            "multimodal",
            "--clinical",
            str(raw.cases_csv),
            "--explain",
            *cores,
            *atlas,
            *root,
        ),
        ("rnnet_evaluate", number, "--external", second_number, *cores, *atlas, *root),
    ]
    return steps


def _command(name: str, *arguments: str) -> None:
    """Show and run one rnnet command in this process."""
    print(f"\n$ {shlex.join((name, *arguments))}", flush=True)
    started = time.monotonic()
    module = import_module(f"rnnet.cli.{name.removeprefix('rnnet_')}")
    code = module.main(list(arguments))
    print(f"  ({time.monotonic() - started:.0f} s)", flush=True)
    if code:
        raise RnnetError(f"{name} ended with exit code {code}.", fix="Its message stands above.")


def _print_end(workspace: Workspace, labelled: str, seconds: float) -> None:
    results = workspace.results_dataset(labelled)
    print(f"\n{NOTICE}")
    print(f"Report:    {results.report_html}")
    for picture in sorted(results.explanation.rglob("*.png"))[:3]:
        print(f"Attention: {picture}")
    print(f"The demonstration took {seconds / 60:.1f} minutes.")
