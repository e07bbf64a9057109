"""Frozen dataclasses to JSON and back, strictly: a wrong key or type is named with its path."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from rnnet.core.errors import FileFormatError, MissingStageError, SettingError, did_you_mean
from rnnet.core.files import text_digest, write_text

T = TypeVar("T")
SCHEMA_VERSION = 1
_HEADER = ("schema_version", "inputs")


def to_plain(value: Any) -> Any:
    """Dataclasses, tuples and paths as dictionaries, lists and strings."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): to_plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(v) for v in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:  # a numpy scalar
        return value.item()
    return value


def from_plain(kind: Any, value: Any, *, where: str = "") -> Any:
    """`value` as the type `kind`.

    Raises:
        SettingError: an unknown or missing key or a value of the wrong type, with its dotted path.
    """
    if is_dataclass(kind):
        return _dataclass_from(kind, value, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin is typing.Literal:
        if value not in arguments:
            raise _wrong(where, f"one of {', '.join(map(repr, arguments))}", value)
        return value
    if origin in (typing.Union, types.UnionType):
        return _union_from(arguments, value, where)
    if origin in (tuple, list):
        return _sequence_from(origin, arguments, value, where)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise _wrong(where, "an object", value)
        return {k: from_plain(arguments[1], v, where=f"{where}.{k}") for k, v in value.items()}
    return _scalar_from(kind, value, where)


def _dataclass_from(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise _wrong(where, "an object", value)
    hints = typing.get_type_hints(kind)
    names = [f.name for f in fields(kind)]
    prefix = f"{where}." if where else ""
    for key in value:
        if key not in names:
            raise SettingError(f"Unknown field '{prefix}{key}'.", fix=did_you_mean(str(key), names))
    missing = [
        f.name for f in fields(kind) if f.name not in value and f.default is MISSING and f.default_factory is MISSING
    ]
    if missing:
        raise SettingError(f"The field '{prefix}{missing[0]}' is missing.", fix="Add it, or make the file again.")
    return kind(**{k: from_plain(hints[k], v, where=prefix + k) for k, v in value.items()})


def _union_from(arguments: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in arguments:
        return None
    errors = []
    for option in arguments:
        if option is not type(None):
            try:
                return from_plain(option, value, where=where)
            except SettingError as error:
                errors.append(error)
    raise errors[0]


def _sequence_from(origin: Any, arguments: tuple[Any, ...], value: Any, where: str) -> Any:
    if not isinstance(value, list | tuple):
        raise _wrong(where, "a list", value)
    if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        if len(value) != len(arguments):
            raise _wrong(where, f"a list of {len(arguments)} values", value)
        pairs = zip(arguments, value, strict=True)
        return tuple(from_plain(a, v, where=f"{where}[{i}]") for i, (a, v) in enumerate(pairs))
    return origin(from_plain(arguments[0], v, where=f"{where}[{i}]") for i, v in enumerate(value))


def _scalar_from(kind: Any, value: Any, where: str) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise _wrong(
        where,
        {"int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false"}.get(
            kind.__name__, kind.__name__
        ),
        value,
    )


def _wrong(where: str, expected: str, value: Any) -> SettingError:
    return SettingError(f"The field '{where}' must be {expected}. Got {value!r} instead.")


def digest_of(value: Any) -> str:
    """Digest of a value's content, independent of key order."""
    return text_digest(json.dumps(to_plain(value), sort_keys=True))


def write_artefact(path: Path, value: Any, *, inputs: Mapping[str, str] | None = None) -> None:
    """Write a dataclass as JSON with the schema version and the digests of what it was made from."""
    document = {"schema_version": SCHEMA_VERSION, "inputs": dict(inputs or {}), **to_plain(value)}
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def read_artefact(path: Path, kind: type[T], *, made_by: str) -> T:
    """The dataclass stored at `path`.

    Raises:
        MissingStageError: no such file; the message names `made_by`, the command that makes it.
        FileFormatError: not valid JSON, another schema version, or a field that does not fit.
    """
    document = _load(path, made_by)
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise FileFormatError(
            f"Schema version {version} is not {SCHEMA_VERSION}.", where=path, fix=f"Run {made_by} again."
        )
    try:
        content = {k: v for k, v in document.items() if k not in _HEADER}
        return typing.cast(T, from_plain(kind, content))
    except SettingError as error:
        raise FileFormatError(error.problem, where=path, fix=error.fix or "Correct the field.") from error


def artefact_inputs(path: Path, *, made_by: str) -> dict[str, str]:
    """The digests of the inputs that the artefact at `path` was made from."""
    return {str(k): str(v) for k, v in dict(_load(path, made_by).get("inputs", {})).items()}


def read_json(path: Path) -> Any:
    """Parsed JSON. Raises FileFormatError with line and column when it does not parse."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise FileFormatError(
            f"Not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}.",
            where=path,
            fix="Correct that line.",
        ) from error
    except UnicodeDecodeError as error:
        raise FileFormatError("Not a UTF-8 text file.", where=path, fix="Save it as UTF-8.") from error


def _load(path: Path, made_by: str) -> dict[str, Any]:
    if not path.is_file():
        raise MissingStageError("This file is needed and is not there.", where=path, fix=f"Run {made_by}.")
    document = read_json(path)
    if not isinstance(document, dict):
        raise FileFormatError("The file must hold one JSON object.", where=path, fix=f"Run {made_by} again.")
    return document
