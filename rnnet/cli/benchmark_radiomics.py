"""The part 'radiomics' of rnnet_benchmark: seconds per lesion beside pyradiomics' own execute()."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rnnet.cli import _common

if TYPE_CHECKING:
    from rnnet.planning.plan import FeaturesPlan

_PRESETS = ("paper", "ibsi")


def add_radiomics(parser: argparse.ArgumentParser) -> None:
    """Arguments of the part."""
    parser.add_argument("--lesions", type=_common.positive_int, default=4, metavar="N",
                        help="made-up ones of 3, 5, 8 and 12 mm radius in turn (default: %(default)s)")
    parser.add_argument("--bin_width", type=float, metavar="W",
                        help="of the grey levels, 100 being one SD of the brain (default: that of the preset)")
    parser.add_argument("-preset", choices=_PRESETS, default="paper", help="settings (default: %(default)s)")
    _common.add_processes(parser)
    parser.set_defaults(body=measure)


def measure(arguments: argparse.Namespace) -> None:
    """Measure and print."""
    from rnnet.benchmark.radiomics import AIM_RATIO, made_up_lesions, measure_radiomics, profile_radiomics
    from rnnet.reporting.screen import text_table

    plan = _plan(arguments)
    lesions = made_up_lesions(arguments.lesions, plan)
    timings = measure_radiomics(lesions, plan, n_processes=arguments.n_processes)
    many = timings[1].seconds_per_lesion
    rows = [
        (t.way, f"{t.seconds_per_lesion:.2f}", f"{t.seconds_per_lesion / many:.1f}",
         "" if t.core_seconds_per_lesion is None else f"{t.core_seconds_per_lesion:.2f}",
         "equal" if t.difference == 0 else f"up to {t.difference:.1e}")
        for t in timings
    ]
    header = ("way", "s/lesion", f"times rnnet on {arguments.n_processes}", "core s/lesion", "values")
    print(text_table(header, rows))
    print("Settings are the same in all rows. The fair comparison is the whole scan, which has the same values; the "
          "crop shows how much of the gain is the cutting.")
    ratio = min(t.seconds_per_lesion for t in timings[2:4]) / many
    print(f"pyradiomics / rnnet on {arguments.n_processes} cores: {ratio:.1f} "
          f"(aim: at least {AIM_RATIO:g}{'' if ratio >= AIM_RATIO else ': missed'})")
    print()
    shares = [(part, f"{share:.0%}") for part, share in profile_radiomics(lesions, plan)]
    print(text_table(("where rnnet's time goes", "share"), shares))


def _plan(arguments: argparse.Namespace) -> FeaturesPlan:
    from dataclasses import replace

    from rnnet.features.presets import preset_features

    plan = preset_features(arguments.preset)
    return plan if arguments.bin_width is None else replace(plan, bin_width=arguments.bin_width, bin_count=0)
