"""rnnet_convert_dataset: a public release, or a centre's own table, becomes a raw data set."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rnnet import pipeline
from rnnet.cli import _common
from rnnet.core.errors import DatasetError, SettingError

if TYPE_CHECKING:
    from rnnet.dataset.converters.source import Dropped, SourceInfo
    from rnnet.dataset.converters.write import ConversionReport

SHOWN = 5


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_convert_dataset",
        "Bring a data set from the layout in which its owners publish it into rnnet's, or your own from a table. The "
        "release is only read. What was taken, dropped (and why) and not known stands in conversion.json.",
        "rnnet_convert_dataset molab -i /data/OpenBTAI_METS -d 1 --link",
    )
    parser.add_argument("source", nargs="?", metavar="SOURCE", help="where it is from; --list prints the sources")
    parser.add_argument("--list", action="store_true", help="what each source needs and gives, its licence, where to "
                        "ask for it")
    parser.add_argument("-i", dest="folder", type=Path, metavar="FOLDER", help="the release as it was downloaded")
    parser.add_argument("-d", dest="number", type=_common.dataset_number, metavar="ID",
                        help="number of the new data set")
    parser.add_argument("-n", dest="name", default="", metavar="NAME",
                        help="its name (default: the release's or the source's)")
    parser.add_argument("--link", action="store_true", help="link the images instead of copying them; the release "
                        "must then stay where it is")
    parser.add_argument("--table", type=Path, metavar="FILE", help="for the source 'table': your CSV or Excel sheet "
                        "(default: the only one in FOLDER)")
    parser.add_argument("--mapping", type=Path, metavar="FILE", help="for the source 'table': which column is what "
                        "(default: mapping.json beside it)")
    _common.add_processes(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> None:
    if arguments.list:
        for info in pipeline.list_sources():
            print("\n".join(source_lines(info)) + "\n")
        return
    for flag, value in (("SOURCE", arguments.source), ("-i FOLDER", arguments.folder), ("-d ID", arguments.number)):
        if value is None:
            raise SettingError(f"{flag} is missing.", fix="Type rnnet_convert_dataset --help, or --list.")
    from rnnet.dataset.converters.own_table_suggestion import NoMappingError

    try:
        layout, report = pipeline.convert_dataset(
            _common.workspace_of(arguments),
            arguments.source,
            arguments.folder,
            number=arguments.number,
            name=arguments.name,
            link=arguments.link,
            table=arguments.table,
            mapping=arguments.mapping,
            n_processes=arguments.n_processes,
        )
    except NoMappingError as error:
        # Apart from the error, so that '> mapping.json' saves it.
        print(error.suggestion)
        raise DatasetError(error.problem, where=error.where, fix=error.fix) from error
    print("\n".join(report_lines(report)))
    print(f"Written: {layout.folder}")
    print(f"All of this stands in {layout.conversion_json.name}. Next: rnnet_verify_dataset_integrity "
          f"-d {arguments.number}")


def source_lines(info: SourceInfo) -> Iterator[str]:
    """A source as --list prints it."""
    yield f"{info.name}: {info.title}"
    for index, need in enumerate(info.needs):
        yield f"    {'needs  ' if not index else '       '}  {need}"
    for label, text in (("gives", info.gives), ("size", info.size), ("licence", info.licence), ("ask", info.access),
                        ("paper", info.reference)):
        if text:
            yield f"    {label:7}  {text}"


def report_lines(report: ConversionReport) -> Iterator[str]:
    """The account of a conversion: counts, what was dropped by reason, what was not known, what to know."""
    masks = f"{report.n_masks} with a mask" if report.n_masks else "none has a mask: a pool of images only"
    patients, scans = counted(report.n_patients, "patient", "patients"), counted(report.n_scans, "scan", "scans")
    yield f"{patients}, {scans} ({masks}), {counted(report.n_lesions, 'lesion', 'lesions')} on scans"
    labelled = ", ".join(f"{number} {outcome}" for outcome, number in report.labelled.items())
    yield f"labelled: {labelled or 'none'}"
    yield from _dropped_lines(report.dropped)
    if report.unknown_files:
        yield f"not known, and not used: {counted(len(report.unknown_files), 'file or folder', 'files or folders')}"
        yield from _some(report.unknown_files)
    if report.notes:
        yield "to know:"
        yield from (f"    {note}" for note in report.notes)


def _dropped_lines(dropped: Sequence[Dropped]) -> Iterator[str]:
    """By reason; what stands in brackets behind a reason, the file, goes with the name."""
    def kind_and_reason(item: Dropped) -> tuple[str, str]:
        return item.kind, item.reason.partition(" [")[0]

    for (kind, reason), group in groupby(sorted(dropped, key=kind_and_reason), key=kind_and_reason):
        names = [item.name + "".join(item.reason.partition(" [")[1:]) for item in group]
        yield f"dropped {counted(len(names), kind, f'{kind}s')}: {reason}"
        yield from _some(names)


def counted(number: int, one: str, many: str) -> str:
    """'1 scan', '2 scans'."""
    return f"{number} {one if number == 1 else many}"


def _some(names: Sequence[str]) -> Iterator[str]:
    yield from (f"    {name}" for name in names[:SHOWN])
    if len(names) > SHOWN:
        yield f"    and {len(names) - SHOWN} more"
