"""The layouts that are known, and the one that a file has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from rnnet.core.errors import FileFormatError, UnknownComponentError
from rnnet.core.registry import Registry
from rnnet.core.wording import listed
from rnnet.networks.foreign.layout import ForeignEncoder, Layout

LAYOUTS: Registry[Layout] = Registry(
    "layout of weights", group="rnnet.weight_layouts",
    builtin={
        "monai": "rnnet.networks.foreign.monai_vit:LAYOUT",
        "medicalnet": "rnnet.networks.foreign.resnet:LAYOUT",
        "brainiac": "rnnet.networks.foreign.brainiac:LAYOUT",
        "nnssl": "rnnet.networks.foreign.nnssl:LAYOUT",
        "rnnet": "rnnet.networks.foreign.own:LAYOUT",
    },
)
# In this order: what BrainIAC stores is MONAI's, and an encoder of rnnet can have MedicalNet's names.
_AUTO = ("monai", "medicalnet", "rnnet", "nnssl")


def foreign_encoder(tensors: Mapping[str, Tensor], layout: str = "auto") -> tuple[str, ForeignEncoder]:
    """The layout's name and the encoder of a file's tensors (read_tensors).

    What is no part of the encoder stands in `unused`. Of several networks in one file the first is taken, and it is
    said.

    Raises:
        UnknownComponentError: no such layout.
        FileFormatError: the file does not have the layout, or none that is known, or it is incomplete.
        SettingError: a network that cannot be had here.
    """
    if layout not in ("auto", *LAYOUTS):
        raise UnknownComponentError(
            f"Unknown layout of weights '{layout}'.", fix=f"Give --layout auto, or one of {', '.join(LAYOUTS)}."
        )
    tried = _AUTO if layout == "auto" else (layout,)
    found = ((name, LAYOUTS.get(name), LAYOUTS.get(name).prefixes(tuple(tensors))) for name in tried)
    name, known, prefixes = next((f for f in found if f[2]), ("", None, ()))
    if known is None:
        raise FileFormatError(
            f"The file has {len(tensors)} tensors ({listed(tensors, 3)}) and is no "
            + ("encoder of a known layout" if layout == "auto" else LAYOUTS.get(layout).title) + ".",
            fix=f"Known layouts: {', '.join(LAYOUTS)}. Name one with --layout.",
        )
    prefix = prefixes[0]
    inside = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
    encoder = known.convert(inside)
    unused = (*(prefix + n for n in encoder.unused), *(n for n in tensors if not n.startswith(prefix)))
    changes = encoder.changes
    if len(prefixes) > 1:
        names = ", ".join(f"'{p or '(no prefix)'}'" for p in prefixes[1:])
        changes = (*changes, f"the file holds {len(prefixes)} networks: '{prefix}' is taken, {names} not")
    return name, replace(encoder, unused=unused, changes=changes)
