"""Write the reference pages that repeat what the code says, so that the two cannot disagree."""

from __future__ import annotations

import os
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, get_type_hints

from rnnet.core.codec import to_plain
from rnnet.dataset.problems import PROBLEM_CODES
from rnnet.planning.plan import ExperimentPlan

COMMANDS = """# Commands

Made from each command's own `--help` by `make docs`. Data sets are given by number or full name. Exit codes: 0 done,
2 an error (one line says what, where and what to do), 3 some scans failed (listed on the screen and in failures.json).

"""
PLAN = """# The plan

`$rnnet_preprocessed/DatasetNNN_Name/rnnet_plans.json` is the only configuration. The planner fills it in and writes the
rule and the inputs of every choice into `rationale`. You may edit it; a wrong field is named when it is read. Every
command with `--set path=value` changes a field for its run and records that. The defaults below stand where the planner
does not choose.

| field | type | default |
|---|---|---|
"""
INTEGRITY = """# Integrity codes

What `rnnet_verify_dataset_integrity` can find, and what to do about it. An error must be cured before the data set can
be used; a warning should be looked at. Each finding also names its place.

| code | level | meaning | cure |
|---|---|---|---|
"""


def command_names() -> list[str]:
    """All rnnet_* commands of the installed package."""
    return sorted(e.name for e in entry_points(group="console_scripts") if e.value.startswith("rnnet.cli."))


def parser_of(command: str) -> ArgumentParser:
    """The argument parser of a command."""
    parser: ArgumentParser = import_module(f"rnnet.cli.{command.removeprefix('rnnet_')}").build_parser()
    return parser


def commands_page() -> str:
    """Every command's --help, and those of its parts."""
    os.environ["COLUMNS"] = "100"
    parts = [COMMANDS]
    for name in command_names():
        parser = parser_of(name)
        parts.append(_help_of(f"## {name}", parser))
        for action in parser._actions:  # argparse has no public way to the parsers of subcommands
            if isinstance(action, _SubParsersAction):
                parts += [_help_of(f"### {name} {part}", found) for part, found in action.choices.items()]
    return "".join(parts).rstrip() + "\n"


def _help_of(heading: str, parser: ArgumentParser) -> str:
    return f"{heading}\n\n```text\n{parser.format_help().rstrip()}\n```\n\n"


def plan_page() -> str:
    """Every field of the plan with type and default."""
    rows = [f"| `{path}` | {kind} | {default} |" for path, kind, default in _plan_rows(ExperimentPlan, "")]
    return PLAN + "\n".join(rows) + "\n"


def integrity_page() -> str:
    """Every code of the integrity check with its level, meaning and cure."""
    rows = [f"| `{code}` | {k.level} | {k.meaning} | {k.cure} |" for code, k in sorted(PROBLEM_CODES.items())]
    return INTEGRITY + "\n".join(rows) + "\n"


def _plan_rows(kind: Any, prefix: str) -> Iterator[tuple[str, str, str]]:
    hints = get_type_hints(kind)
    for field in fields(kind):
        path, hint = prefix + field.name, hints[field.name]
        if is_dataclass(hint):
            summary = (hint.__doc__ or "").strip().splitlines()[0]
            yield f"{path}.*", "group", summary
            yield from _plan_rows(hint, f"{path}.")
        else:
            text = hint.__name__ if isinstance(hint, type) and not getattr(hint, "__args__", ()) else str(hint)
            yield path, text.replace("typing.", "").replace("|", "or"), _default(field)


def _default(field: Field[Any]) -> str:
    if field.default is not MISSING:
        return f"`{to_plain(field.default)}`"
    return "" if field.default_factory is MISSING else f"`{to_plain(field.default_factory())}`"


PAGES = {"commands.md": commands_page, "plan.md": plan_page, "integrity_codes.md": integrity_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        Path(__file__).with_name("reference").joinpath(name).write_text(page(), encoding="utf-8")
