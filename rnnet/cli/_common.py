"""What every command shares: arguments, folders, errors without a traceback, exit codes."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rnnet.core.errors import CaseFailedError, RnnetError
from rnnet.core.log import configure_logging
from rnnet.core.provenance import read_leaks, recording_arguments
from rnnet.core.workspace import DEFAULT_PLAN, FoldLayout, Workspace, cache_folder

EXIT_ERROR = 2
EXIT_CASES_FAILED = 3


def make_parser(command: str, description: str, example: str, *, folders: bool = True) -> argparse.ArgumentParser:
    """A parser with an example below its options, --verbose, and --root for commands that work in data folders."""
    parser = argparse.ArgumentParser(
        prog=command,
        description=description,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if folders:
        parser.add_argument(
            "--root",
            type=Path,
            metavar="DIR",
            help="folder that holds rnnet_raw, rnnet_preprocessed and rnnet_results "
            "(default: the environment variables of these names, or rnnet_root)",
        )
    parser.add_argument("--verbose", action="store_true", help="log more")
    return parser


def add_datasets(parser: argparse.ArgumentParser, text: str = "data sets, by number or full name") -> None:
    """-d ID [ID ...]."""
    parser.add_argument("-d", dest="datasets", nargs="+", required=True, metavar="ID", help=text)


def add_plan(parser: argparse.ArgumentParser) -> None:
    """-p PLANS."""
    parser.add_argument(
        "-p",
        dest="plan_name",
        type=lambda text: text.removesuffix(".json"),
        default=DEFAULT_PLAN,
        metavar="PLANS",
        help="name of the plan (default: %(default)s)",
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """--set path=value ..."""
    parser.add_argument(
        "--set",
        dest="settings",
        nargs="+",
        action="extend",
        default=[],
        metavar="path=value",
        help="change fields of the plan, for example finetune.epochs=50; the change is recorded",
    )


def add_processes(parser: argparse.ArgumentParser) -> None:
    """-np N."""
    parser.add_argument(
        "-np",
        dest="n_processes",
        type=positive_int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes on this machine (default: its cores)",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """-device cuda|cpu|mps."""
    parser.add_argument(
        "-device", choices=("auto", "cuda", "cpu", "mps"), default="auto", help="default: a GPU if there is one"
    )


def add_atlas(parser: argparse.ArgumentParser) -> None:
    """--atlas FILE."""
    parser.add_argument(
        "--atlas",
        type=Path,
        metavar="FILE",
        help="the SRI24 atlas, or the folder that holds it (default: the copy that rnnet_download_assets fetched)",
    )


def add_weights(parser: argparse.ArgumentParser) -> None:
    """--hd_bet_weights DIR."""
    parser.add_argument(
        "--hd_bet_weights",
        type=Path,
        metavar="DIR",
        help="folder with HD-BET's weights (default: the environment variable rnnet_hd_bet_weights, or else what "
        "rnnet_download_assets fetched, or else HD-BET's own cache; without them deepbet strips)",
    )


def add_allow_leakage(parser: argparse.ArgumentParser) -> None:
    """--allow_leakage."""
    parser.add_argument(
        "--allow_leakage",
        action="store_true",
        help="go on although a test patient or image has been seen; it is recorded and stands in red in the report",
    )


def print_leaks_of(folder: Path) -> None:
    """As print_leaks, for a trained fold or all folds of a configuration."""
    runs = (FoldLayout(folder), *(FoldLayout(p) for p in sorted(folder.glob("fold_*"))))
    print_leaks(list(dict.fromkeys(leak for run in runs for leak in read_leaks(run.run_json))))


def print_leaks(leaks: Sequence[str]) -> None:
    """What --allow_leakage let through, once more at the end, where it is not overlooked."""
    if leaks:
        rule = "!" * 100
        lines = [rule, "LEAKAGE, allowed by --allow_leakage: what follows is no independent test.", *leaks, rule]
        print("\n".join(lines), file=sys.stderr)


def positive_int(text: str) -> int:
    """A whole number above 0, for argparse."""
    try:
        value = int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be a whole number, got '{text}'") from error
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


def positive_number(text: str) -> float:
    """A number above 0, for argparse."""
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be a number, got '{text}'") from error
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be above 0, got {text}")
    return value


def dataset_number(text: str) -> int:
    """The number of a data set that is to be made, for argparse."""
    value = positive_int(text)
    if value > 999:
        raise argparse.ArgumentTypeError(f"must be at most 999, got {value}")
    return value


def fold_name(text: str) -> str:
    """A fold number or 'all', for argparse."""
    if text != "all" and not text.isdigit():
        raise argparse.ArgumentTypeError(f"must be a fold number or 'all', got '{text}'")
    return text


def workspace_of(arguments: argparse.Namespace, *, root: Path | None = None) -> Workspace:
    """Folders of this run, by the environment where nothing was given. root: of commands without --root."""
    return Workspace.from_settings(
        arguments.root if root is None else root,
        os.environ,
        atlas=getattr(arguments, "atlas", None),
        hd_bet_weights=getattr(arguments, "hd_bet_weights", None),
    )


def resolve_device(name: str) -> str:
    """'auto' as the GPU that is there, else the CPU.

    Raises:
        RnnetError: a device that was asked for is not there.
    """
    import torch

    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(n for n in ("cuda", "mps", "cpu") if present[n])
    if not present[name]:
        raise RnnetError(f"This machine has no {name} device.", fix="Use -device cpu.")
    return name


def run(
    body: Callable[[argparse.Namespace], int | None],
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
) -> int:
    """Parse, run, and turn errors into one line and an exit code: 2 for an error, 3 for failed cases."""
    arguments = parser.parse_args(argv)
    configure_logging(verbose=arguments.verbose)
    try:
        with recording_arguments(sys.argv[1:] if argv is None else argv):
            return body(arguments) or 0
    except CaseFailedError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_CASES_FAILED
    except RnnetError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("stopped; type the same command again to go on (a training: with --continue)", file=sys.stderr)
        return 130


def environment() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ


def share_cores(n_processes: int) -> None:
    """Let so many processes that are started next share the cores, unless the user has said how many threads each has.

    torchrun would give one thread to each.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // n_processes)))


def cache_of() -> Path:
    """The folder of downloaded assets; it needs no data folders."""
    return cache_folder(os.environ)
