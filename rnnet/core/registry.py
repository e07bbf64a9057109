"""One explicit name -> class table for each replaceable part, open to other packages by entry points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Generic, TypeVar, cast

from rnnet.core.errors import UnknownComponentError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names of components of one kind.

    builtin maps a name to 'module:attribute', so that a heavy library is imported only when it is used.
    Other packages add names through the entry-point group.
    """

    def __init__(self, kind: str, *, group: str, builtin: Mapping[str, str]) -> None:
        self._kind = kind
        self._group = group
        self._builtin = dict(builtin)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._builtin, *(e.name for e in entry_points(group=self._group))}))

    def __contains__(self, name: object) -> bool:
        return name in set(self)

    def get(self, name: str, *, where: object = "") -> T:
        """The component called `name`. Raises UnknownComponentError with the nearest name."""
        if name in self._builtin:
            module, _, attribute = self._builtin[name].partition(":")
            return cast(T, getattr(import_module(module), attribute))
        for entry in entry_points(group=self._group):
            if entry.name == name:
                return cast(T, entry.load())
        raise UnknownComponentError.of(self._kind, name, self, where=where)
