"""rnnet_benchmark: how fast and how exact, beside a peer or a known truth."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnet.cli import _common
from rnnet.cli.benchmark_pretrain import add_pretrain
from rnnet.cli.benchmark_radiomics import add_radiomics
from rnnet.cli.benchmark_statistics import add_statistics

if TYPE_CHECKING:
    from rnnet.benchmark.cost import CostReport, ScanFiles
    from rnnet.benchmark.peer import PeerResult
    from rnnet.preprocessing.atlas import Atlas

_MADE_UP_HEADS = 6


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_benchmark",
        "Measure on this machine. Without --image the atlas's own head, moved by a known motion, is the scan.",
        "rnnet_benchmark preprocess -np 2",
        folders=False,
    )
    names = "preprocess|registration|skull_strip|store|duplicates|pretrain|statistics|radiomics"
    parts = parser.add_subparsers(dest="part", required=True, metavar=names)
    _add_preprocess(parts.add_parser("preprocess", help="seconds of each step, cores, memory; --peer_python compares"))
    _add_registration(parts.add_parser("registration", help="known rigid motions of the atlas: how exactly found?"))
    _add_skull_strip(parts.add_parser("skull_strip", help="Dice of a skull-stripper against a trusted brain mask"))
    _add_store(parts.add_parser("store", help="formats of the store: random crops per second and bytes"))
    _add_duplicates(parts.add_parser("duplicates", help="copies of scans: which are recognised by their image hash?"))
    add_pretrain(parts.add_parser("pretrain", help="cubes per second of pretraining beside the machine's matrix peak"))
    add_statistics(parts.add_parser("statistics", help="agreement with R's pROC, scipy, statsmodels, dcurves, crepes"))
    add_radiomics(parts.add_parser("radiomics", help="seconds per lesion beside pyradiomics' own execute()"))
    return parser


def _add_preprocess(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--image", type=Path, metavar="FILE", help="a scan (default: the moved head, 240 x 240 x 155)")
    parser.add_argument("--mask", type=Path, metavar="FILE", help="its lesion mask")
    parser.add_argument("--brain", type=Path, metavar="FILE", help="a brain mask; compared with the peer's if there")
    parser.add_argument("--use_brain", action="store_true", help="preprocess with --brain instead of a stripper")
    parser.add_argument("--repeats", type=_common.positive_int, default=3, metavar="N",
                        help="scans per worker after the first (default: %(default)s)")
    parser.add_argument("--peer_python", type=Path, metavar="PYTHON",
                        help="Python of an environment with brainles-preprocessing, to compare with")
    parser.add_argument("--peer_registrator", choices=("ants", "niftyreg"), default="ants",
                        help="the peer's back-end (default: its own default, %(default)s)")
    _common.add_processes(parser)
    _common.add_atlas(parser)
    _common.add_weights(parser)
    parser.set_defaults(body=_preprocess)


def _add_registration(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trials", type=_common.positive_int, default=20, metavar="N", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="seed of the motions (default: %(default)s)")
    parser.add_argument("--true_brain", action="store_true", help="give the true brain mask; no stripper takes part")
    _common.add_processes(parser)
    _common.add_atlas(parser)
    _common.add_weights(parser)
    parser.set_defaults(body=_registration)


def _add_skull_strip(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--image", type=Path, required=True, metavar="FILE", help="a scan with its skull")
    parser.add_argument("--brain", type=Path, required=True, metavar="FILE", help="the brain mask that is trusted")
    parser.add_argument("--stripper", default="auto", metavar="NAME", help="default: what preprocessing would take")
    _common.add_weights(parser)
    parser.set_defaults(body=_skull_strip)


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--image", type=Path, metavar="FILE", help="a scan (default: the moved head)")
    parser.add_argument("--mask", type=Path, metavar="FILE", help="its lesion mask")
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="per format (default: %(default)s)")
    _common.add_atlas(parser)
    _common.add_weights(parser)
    parser.set_defaults(body=_store)


def _add_duplicates(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=Path, nargs="+", metavar="FILE",
                        help="scans of different patients (default: six made-up heads)")
    parser.add_argument("--preprocess", action="store_true",
                        help="compare on the atlas, after preprocessing (seconds to minutes a copy), not as raw images")
    _common.add_processes(parser)
    _common.add_atlas(parser)
    _common.add_weights(parser)
    parser.set_defaults(body=_duplicates)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> None:
    body: Callable[[argparse.Namespace], None] = arguments.body
    body(arguments)


def _atlas(arguments: argparse.Namespace) -> Atlas:
    from rnnet.experiment.access import workspace_atlas

    return workspace_atlas(_common.workspace_of(arguments, root=Path()))


def _weights(arguments: argparse.Namespace) -> Path | None:
    """HD-BET's weights, as preprocessing would find them."""
    from rnnet.preprocessing.skull_strip.weights import find_hd_bet_weights

    return find_hd_bet_weights(_common.workspace_of(arguments, root=Path()))


def _files(arguments: argparse.Namespace, atlas: Atlas, folder: Path) -> ScanFiles:
    """The user's scan, or the moved head on the atlas's grid, written as a user's file would be."""
    from rnnet.benchmark.cost import ScanFiles
    from rnnet.benchmark.phantom import Motion, move_head
    from rnnet.core.volume import write_volume

    if arguments.image is not None:
        return ScanFiles(arguments.image, arguments.mask, getattr(arguments, "brain", None))
    motion = Motion(12.0, (0.8, 0.5, 0.33), (8.0, -12.0, 10.0), (1.0, 1.0, 1.0))
    shape = atlas.head.array.shape
    moved = move_head(atlas, motion, seed=0, shape_zyx=(shape[0], shape[1], shape[2]))
    files = ScanFiles(folder / "image.nii.gz", None, folder / "brain.nii.gz")
    write_volume(files.image, moved.image)
    write_volume(folder / "brain.nii.gz", moved.brain)
    return files


def _preprocess(arguments: argparse.Namespace) -> None:
    from dataclasses import replace

    from rnnet.benchmark.cost import measure_cost
    from rnnet.planning.plan import PreprocessingPlan

    atlas = _atlas(arguments)
    with tempfile.TemporaryDirectory() as folder:
        files = _files(arguments, atlas, Path(folder))
        used = files if arguments.use_brain else replace(files, brain=None)
        report = measure_cost(used, PreprocessingPlan(), atlas, n_processes=arguments.n_processes,
                              repeats=arguments.repeats, weights_folder=_weights(arguments))
        _print_cost(report)
        if arguments.peer_python is not None:
            _compare(arguments, files, report, atlas)


def _print_cost(report: CostReport) -> None:
    from rnnet.benchmark.cost import COMMON_STEPS
    from rnnet.reporting.screen import text_table

    steps = report.step_seconds()
    total = sum(steps.values())
    rows = [(name, f"{seconds:.2f}", f"{seconds / total:.0%}") for name, seconds in steps.items()]
    print(text_table(("step", "seconds", "share"), rows))
    print(f"{report.seconds_per_scan:.2f} s from scan to scan with {report.n_processes} process(es); "
          f"{report.cores_used:.2f} cores busy; largest process {report.peak_bytes / 2**30:.2f} GiB")
    print(f"{max(w.first_seconds for w in report.workers):.1f} s for a worker's first scan, with what it loads")
    print(f"{' + '.join(COMMON_STEPS)}: {report.common_seconds():.2f} s a scan (aim: under 12 s on two cores)")


def _compare(arguments: argparse.Namespace, files: ScanFiles, report: CostReport, atlas: Atlas) -> None:
    """The peer's seconds beside rnnet's, and whether both carry the brain to the same place."""
    from rnnet.benchmark.peer import run_peer

    peer = run_peer(arguments.peer_python, files.image, atlas, brain=files.brain,
                    registrator=arguments.peer_registrator)
    versions = ", ".join(f"{name} {version}" for name, version in peer.versions.items())
    steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in peer.seconds.items())
    stripped = report.common_seconds() + report.step_seconds().get("skull_strip", 0.0)
    print(f"peer: {versions}, registration by {arguments.peer_registrator}, on all cores: {steps}; "
          f"together {peer.total_seconds:.1f} s")
    print(f"peer / rnnet, bias field + registration + resampling: {peer.total_seconds / report.common_seconds():.1f}; "
          f"with rnnet's skull-stripping counted on rnnet's side: {peer.total_seconds / stripped:.1f}")
    _print_agreement(files, atlas, peer, _weights(arguments))


def _print_agreement(files: ScanFiles, atlas: Atlas, peer: PeerResult, weights_folder: Path | None) -> None:
    from rnnet.benchmark.peer import brain_agreement
    from rnnet.core.volume import read_volume
    from rnnet.planning.plan import PreprocessingPlan
    from rnnet.preprocessing.scan import ScanSettings, preprocess_scan

    if files.brain is None or peer.brain is None:
        return
    scan = preprocess_scan(read_volume(files.image), None, scan_id="benchmark", plan=PreprocessingPlan(), atlas=atlas,
                           settings=ScanSettings(weights_folder=weights_folder))
    dice = brain_agreement(files.brain, scan.to_atlas, atlas, peer.brain)
    print(f"Dice of the brain mask carried over by rnnet and by the peer: {dice:.3f} (aim: at least 0.95)")


def _registration(arguments: argparse.Namespace) -> None:
    from rnnet.benchmark.registration import AIM_ERROR_MM, AIM_SHARE, TRIAL_HEADER, run_trials, trial_rows
    from rnnet.planning.plan import PreprocessingPlan
    from rnnet.reporting.screen import text_table

    trials = run_trials(
        _atlas(arguments), PreprocessingPlan(), count=arguments.trials, seed=arguments.seed,
        n_processes=arguments.n_processes, true_brain=arguments.true_brain, weights_folder=_weights(arguments),
    )
    print(text_table(TRIAL_HEADER, trial_rows(trials)))
    good = sum(t.good for t in trials)
    print(f"{good} of {len(trials)} under {AIM_ERROR_MM:g} mm mean landmark error (aim: {AIM_SHARE:.0%})")


def _skull_strip(arguments: argparse.Namespace) -> None:
    from rnnet.benchmark.skull_strip import AIM_DICE, measure_stripper

    found = measure_stripper(arguments.image, arguments.brain, stripper=arguments.stripper,
                             weights_folder=_weights(arguments))
    print(f"{found.stripper}: Dice {found.dice:.3f} (aim: at least {AIM_DICE}); {found.seconds:.1f} s, "
          f"the first time {found.first_seconds:.1f} s")


def _store(arguments: argparse.Namespace) -> None:
    from rnnet.benchmark.formats import measure_formats
    from rnnet.core.volume import read_volume
    from rnnet.planning.plan import CropPlan, PreprocessingPlan
    from rnnet.preprocessing.scan import ScanSettings, preprocess_scan
    from rnnet.reporting.screen import text_table

    atlas = _atlas(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = _files(arguments, atlas, folder)
        lesions = None if files.mask is None else read_volume(files.mask)
        scan = preprocess_scan(read_volume(files.image), lesions, scan_id="benchmark", plan=PreprocessingPlan(),
                               atlas=atlas, settings=ScanSettings(weights_folder=_weights(arguments)))
        found = measure_formats(scan.image, scan.lesions, folder, edge_vox=CropPlan().edge_vox,
                                seconds=arguments.seconds)
    rows = [(f.name, f"{f.crops_per_second:.0f}", f"{f.mb_per_scan:.1f}") for f in found]
    print(text_table(("format", "crops/s", "MB/scan"), rows))


def _duplicates(arguments: argparse.Namespace) -> None:
    from rnnet.benchmark.duplicates import COPY_HEADER, AtlasHasher, copy_rows, made_up_heads, measure_duplicates
    from rnnet.core.volume import read_volume
    from rnnet.dataset.image_hash import SAME_IMAGE_LIMIT
    from rnnet.reporting.screen import text_table

    if arguments.images:
        scans = {str(path): read_volume(path) for path in arguments.images}
    else:
        scans = made_up_heads(_MADE_UP_HEADS)
    hasher = AtlasHasher(_atlas(arguments), weights_folder=_weights(arguments)) if arguments.preprocess else None
    measured = measure_duplicates(scans, n_processes=arguments.n_processes, hasher=hasher)
    print(text_table(COPY_HEADER, copy_rows(measured)))
    print(f"A copy is recognised up to a distance of {SAME_IMAGE_LIMIT:g}.")
    for one, other, distance in measured.others[:3]:
        print(f"different heads: {distance:.3f} between {one} and {other}")
