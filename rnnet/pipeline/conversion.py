"""New raw data sets: from the releases of others, and from several data sets together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnet.core.errors import DatasetError, SettingError
from rnnet.core.workspace import RawLayout, Workspace
from rnnet.pipeline.names import Datasets

if TYPE_CHECKING:
    from rnnet.dataset.converters.source import SourceInfo
    from rnnet.dataset.converters.write import ConversionReport


def list_sources() -> tuple[SourceInfo, ...]:
    """What rnnet can convert, in the order of the names."""
    from rnnet.dataset.converters.sources import CONVERTERS

    return tuple(CONVERTERS.get(name)().info for name in CONVERTERS)


def convert_dataset(
    workspace: Workspace,
    source: str,
    folder: Path,
    *,
    number: int,
    name: str = "",
    link: bool = False,
    table: Path | None = None,
    mapping: Path | None = None,
    n_processes: int = 1,
) -> tuple[RawLayout, ConversionReport]:
    """Make the raw data set `DatasetNNN_name` of a release; returns its place and the account of the conversion.

    name: the release's own by default, or else the source's. table, mapping: of the source 'table' only; see its
    converter.
    """
    from rnnet.dataset.converters.sources import CONVERTERS
    from rnnet.dataset.converters.write import write_release

    settings: dict[str, Any] = {k: v for k, v in (("table", table), ("mapping", mapping)) if v is not None}
    if settings and source != "table":
        raise SettingError("--table and --mapping go with the source 'table' only.", fix="Leave them out.")
    converter = CONVERTERS.get(source)(**settings)
    if not folder.is_dir():
        raise DatasetError("There is no such folder.", where=folder, fix="Give the folder of the release with -i.")
    release = converter.read(folder)
    layout = workspace.new_raw_dataset(number, name or re.sub(r"[^\w-]+", "_", release.name) or source, begun=True)
    report = write_release(
        release, converter.info, layout, name=name or release.name or source, folder=str(folder.resolve()), link=link,
        n_processes=n_processes,
    )
    return layout, report


def combine_datasets(workspace: Workspace, datasets: Datasets, *, number: int, name: str) -> RawLayout:
    """Make one raw data set of several labelled ones, which shares their images; nothing is copied."""
    from rnnet.dataset.combine import write_combined
    from rnnet.experiment.access import read_raw

    members = [read_raw(workspace, workspace.dataset_name(d)) for d in datasets]
    layout = workspace.new_raw_dataset(number, name)
    write_combined(layout, members, name=name)
    return layout
