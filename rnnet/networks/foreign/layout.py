"""What a layout of foreign weights is: how it is recognised, and what it becomes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from rnnet.core.errors import FileFormatError


@dataclass(frozen=True, slots=True)
class ForeignEncoder:
    """An encoder's weights under the names of Vit3d or ResNet50.

    Attributes:
        kind: which of the two.
        state: tensors by their name here.
        settings: plan fields that the shapes fix, by their path.
        unused: stored tensors that are no part of the encoder, by their stored name.
        changes: what is not as it was stored, in sentences.
        changed: names of tensors in `state` that are not as they were stored.
        new: names of tensors in `state` that the file does not have; they are set so that they change nothing.
    """

    kind: Literal["vit", "resnet50"]
    state: Mapping[str, Tensor]
    settings: Mapping[str, bool | int | float | str]
    unused: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    new: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """One program's way to name the weights of one network.

    Attributes:
        title: for messages.
        anchor: regular expression of a name that every file of this layout has, without what wraps the network.
        convert: from the stored tensors, without what wraps the network, to the encoder.
    """

    title: str
    anchor: str
    convert: Callable[[Mapping[str, Tensor]], ForeignEncoder]

    def prefixes(self, names: Sequence[str]) -> tuple[str, ...]:
        """What stands before the network's own names ('state_dict.module.'), once for each network in the file."""
        found = (re.fullmatch(rf"((?:.*\.)?){self.anchor}", name) for name in names)
        return tuple(dict.fromkeys(match[1] for match in found if match))


def renamed(
    state: Mapping[str, Tensor], rules: Mapping[str, str]
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors whose whole name a rule (expression -> replacement) knows, and the names of the others."""
    new: dict[str, Tensor] = {}
    unused = []
    for name, tensor in state.items():
        rule = next((pattern for pattern in rules if re.fullmatch(pattern, name)), None)
        if rule is None:
            unused.append(name)
        else:
            new[re.sub(rule, rules[rule], name)] = tensor
    return new, tuple(unused)


def depth_of(state: Mapping[str, Tensor]) -> int:
    """Number of the blocks 'blocks.N'."""
    numbers = [int(match[1]) for match in (re.match(r"blocks\.(\d+)\.", name) for name in state) if match]
    return max(numbers, default=-1) + 1


def needed(state: Mapping[str, Tensor], name: str, title: str) -> Tensor:
    """A tensor without which nothing can be known. Raises FileFormatError when it is not there."""
    if name not in state:
        raise FileFormatError(
            f"The file is incomplete as a {title}: it has no '{name}'.",
            fix="Give the file of the whole network, or name its layout with --layout.",
        )
    return state[name]
