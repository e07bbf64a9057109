"""The table of sources that rnnet_convert_dataset knows."""

from __future__ import annotations

from rnnet.core.registry import Registry
from rnnet.dataset.converters.source import Converter

_HERE = "rnnet.dataset.converters"

CONVERTERS: Registry[type[Converter]] = Registry(
    "source",
    group="rnnet.converters",
    builtin={
        "molab": f"{_HERE}.molab:Molab",
        "brats_mets": f"{_HERE}.brats_mets:BratsMets",
        "ucsf_bmsr": f"{_HERE}.ucsf_bmsr:UcsfBmsr",
        "yale_pretreat": f"{_HERE}.yale_pretreat:YalePretreat",
        "yale_longitudinal": f"{_HERE}.yale_longitudinal:YaleLongitudinal",
        "nyumets": f"{_HERE}.nyumets:NyuMets",
        "brainmetshare": f"{_HERE}.brainmetshare:BrainMetShare",
        "gammaknife": f"{_HERE}.gammaknife:GammaKnife",
        "proteas": f"{_HERE}.proteas:Proteas",
        "table": f"{_HERE}.own_table:OwnTable",
    },
)
