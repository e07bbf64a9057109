"""What ran: arguments, versions, device, seed. Stored beside every result."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rnnet.core.codec import read_artefact

_PACKAGES = (
    "rnnet",
    "torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "SimpleITK",
    "nibabel",
    "pyradiomics-bhklab",
    "batchgenerators",
    "acvl-utils",
    "blosc2",
    "HD_BET",
    "deepbet",
)

_typed: ContextVar[tuple[str, ...]] = ContextVar("arguments of the command", default=())


@contextmanager
def recording_arguments(arguments: Sequence[str]) -> Iterator[None]:
    """Inside, every run record holds these arguments: a record says what was typed, and changes nothing."""
    token = _typed.set(tuple(arguments))
    try:
        yield
    finally:
        _typed.reset(token)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of one command.

    arguments: as the user typed them; none where the run was started from Python.
    leaks: what --allow_leakage let through, in sentences. origin: what is not known about imported weights.
    """

    command: str
    arguments: tuple[str, ...] = ()
    seed: int = 0
    device: str = "cpu"
    started: str = ""
    python: str = ""
    system: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    leaks: tuple[str, ...] = ()
    origin: str = ""


def make_run_record(
    command: str,
    *,
    seed: int = 0,
    device: str = "cpu",
    inputs: Mapping[str, str] | None = None,
    leaks: Sequence[str] = (),
    origin: str = "",
) -> RunRecord:
    """The record of a run that starts now."""
    return RunRecord(
        command=command,
        arguments=_typed.get(),
        seed=seed,
        device=device,
        started=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        python=platform.python_version(),
        system=platform.system(),
        versions={name: package_version(name) for name in _PACKAGES},
        inputs=dict(inputs or {}),
        leaks=tuple(leaks),
        origin=origin,
    )


def read_leaks(run_json: Path) -> tuple[str, ...]:
    """What --allow_leakage let through in the run recorded at `run_json`; nothing where there is no record."""
    return read_artefact(run_json, RunRecord, made_by="rnnet_train").leaks if run_json.is_file() else ()


def read_origin(run_json: Path) -> str:
    """What is not known about the weights that the run recorded at `run_json` started from; '' without a record."""
    return read_artefact(run_json, RunRecord, made_by="rnnet_train").origin if run_json.is_file() else ""


def package_version(name: str) -> str:
    """Installed version of a distribution, or 'not installed'."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
