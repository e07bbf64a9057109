"""rnnet_find_duplicates: the same patient or the same image in several data sets."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnet import pipeline
from rnnet.cli import _common

if TYPE_CHECKING:
    from rnnet.experiment.duplicate_groups import DuplicateGroup, DuplicateReport

FIRST_GROUPS = 20
FIRST_MEMBERS = 4
FIRST_PAIRS = 3
_FRAMES = {
    "atlas": "Images were compared on the atlas, after preprocessing: native, skull-stripped, registered and mirrored "
             "copies are found. A scan that preprocessing failed on, or put in a wrong place, is not, and a follow-up "
             "scan of the same patient may look like a copy.",
    "head": "Images were compared as raw files, since not all of these data sets are preprocessed under one plan: "
            "copies in another format, resolution, range of values or mirrored are found. A copy of a whole head that "
            "was skull-stripped, cut through or turned by a registration is not: run rnnet_plan_and_preprocess on all "
            "of them first.",
}


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_find_duplicates",
        "Find patients that data sets know under several names (other_ids.csv, ids of converters), and scans that show "
        "the same image, across data sets and within each. Pretraining leaves such copies out by itself.",
        "rnnet_find_duplicates -d 1 2 3 -o duplicates",
    )
    _common.add_datasets(parser)
    _common.add_plan(parser)
    _common.add_processes(parser)
    parser.add_argument(
        "-o",
        dest="output",
        type=Path,
        metavar="DIR",
        help="folder for duplicates.csv and duplicates.json (default: the folder duplicates of the first data set, "
        "below rnnet_preprocessed)",
    )
    parser.add_argument(
        "--all", action="store_true", help=f"print every group, member and pair, not the first {FIRST_GROUPS} groups"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> None:
    report, paths = pipeline.find_duplicates(
        _common.workspace_of(arguments),
        arguments.datasets,
        plan_name=arguments.plan_name,
        output=arguments.output,
        n_processes=arguments.n_processes,
    )
    for line in report_lines(report, everything=arguments.all):
        print(line)
    for path in paths:
        print(f"Written: {path}")


def report_lines(report: DuplicateReport, *, everything: bool = False) -> Iterator[str]:
    """The first groups with members and reasons, or all of them; then the counts and what was compared."""
    for group in report.groups[: None if everything else FIRST_GROUPS]:
        yield from _group_lines(group, everything=everything)
    if not everything and len(report.groups) > FIRST_GROUPS:
        yield f"and {len(report.groups) - FIRST_GROUPS} more (--all prints them)"
    kinds = [(group.kind, group.certainty) for group in report.groups]
    for kind, what in (("patient", "patients with several names"), ("image", "images in several places")):
        certain = sum(k == kind and c == "certain" for k, c in kinds)
        likely = sum(k == kind and c == "likely" for k, c in kinds)
        yield f"{what}: {certain} certain, {likely} likely"
    for shared in report.shared:
        yield (f"{shared.first} and {shared.second} use the same files of {shared.n_images} image(s), "
               f"{shared.n_patients} patient(s): shared by design (source_scan), no find")
    for name, n_scans in report.n_scans.items():
        parts = [f"{name}: {report.n_hashed[name]} of {n_scans} image(s) could be compared"]
        parts += _why("by equal voxels alone", report.voxels_only.get(name, {}))
        parts += _why("not at all", report.not_compared.get(name, {}))
        yield ", ".join(parts)
    yield _FRAMES[report.frame]


def _group_lines(group: DuplicateGroup, *, everything: bool) -> Iterator[str]:
    members, pairs = group.members, group.pairs
    shown = members if everything else members[:FIRST_MEMBERS]
    more = f" = ... ({len(members)} in all)" if len(shown) < len(members) else ""
    yield f"the same {group.kind}, {group.certainty}: {' = '.join(shown)}{more}"
    told = pairs if everything else pairs[:FIRST_PAIRS]
    for pair in told:
        which = f"{pair.first} = {pair.second}: " if len(pairs) > 1 else ""
        whose = f" (patients {pair.first_patient}, {pair.second_patient})" if group.kind == "image" else ""
        yield f"    {which}{pair.reason}{whose}"
    if len(told) < len(pairs):
        yield f"    and {len(pairs) - len(told)} more pairs (all are in duplicates.csv)"


def _why(how: str, reasons: Mapping[str, int]) -> list[str]:
    if not reasons:
        return []
    return [f"{sum(reasons.values())} {how} ({'; '.join(f'{reason}: {n}' for reason, n in sorted(reasons.items()))})"]
