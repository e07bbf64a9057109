"""What preprocessing one scan costs: seconds of each step, cores, memory."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from rnnet.core.errors import RnnetError
from rnnet.core.parallel import map_cases
from rnnet.core.stopwatch import Stopwatch
from rnnet.core.volume import read_volume
from rnnet.core.workspace import ScanStoreLayout
from rnnet.planning.plan import PreprocessingPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.qc import write_qc_picture
from rnnet.preprocessing.scan import ScanSettings, preprocess_scan
from rnnet.preprocessing.store import ScanStore

# The steps that every tool of this kind has; the trial that set the aim measured these.
COMMON_STEPS = ("bias_field", "registration", "resampling")


@dataclass(frozen=True, slots=True)
class ScanFiles:
    """What is preprocessed. brain: a brain mask that replaces the skull-stripper."""

    image: Path
    mask: Path | None = None
    brain: Path | None = None


@dataclass(frozen=True, slots=True)
class ScanCost:
    """One worker's figures, per scan. first_seconds: with imports, networks and the atlas's levels still to load."""

    steps: Mapping[str, float]
    wall_seconds: float
    cpu_seconds: float
    first_seconds: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class CostReport:
    """n_processes workers at the same time, `repeats` scans each after a first one that is not counted."""

    n_processes: int
    workers: tuple[ScanCost, ...]

    @property
    def seconds_per_scan(self) -> float:
        """Wall-clock seconds between two finished scans."""
        return max(w.wall_seconds for w in self.workers) / self.n_processes

    @property
    def cores_used(self) -> float:
        """Busy cores over all workers, on average."""
        return sum(w.cpu_seconds / w.wall_seconds for w in self.workers)

    @property
    def peak_bytes(self) -> int:
        """Memory of the largest worker."""
        return max(w.peak_bytes for w in self.workers)

    def step_seconds(self) -> dict[str, float]:
        """Median over the workers of each step's seconds in one scan."""
        names = dict.fromkeys(name for w in self.workers for name in w.steps)
        return {name: median(w.steps.get(name, 0.0) for w in self.workers) for name in names}

    def common_seconds(self) -> float:
        """Wall-clock seconds of N4, registration and resampling of one scan."""
        steps = self.step_seconds()
        return sum(steps.get(name, 0.0) for name in COMMON_STEPS)


def measure_cost(
    files: ScanFiles, plan: PreprocessingPlan, atlas: Atlas, *, n_processes: int, repeats: int,
    weights_folder: Path | None = None,
) -> CostReport:
    """Preprocess the same scan again and again in `n_processes` workers, as a data set would be.

    Raises:
        RnnetError: the scan cannot be preprocessed.
    """
    one = partial(_measure, files=files, plan=plan, atlas=atlas, repeats=repeats, weights_folder=weights_folder)
    results = map_cases(one, list(range(n_processes)), n_processes=n_processes, title="preprocessing")
    costs = []
    for result in results:
        if isinstance(result, RnnetError):
            raise result
        costs.append(result)
    return CostReport(n_processes, tuple(costs))


def _measure(
    _worker: int, *, files: ScanFiles, plan: PreprocessingPlan, atlas: Atlas, repeats: int, weights_folder: Path | None
) -> ScanCost:
    with tempfile.TemporaryDirectory() as folder:
        store = ScanStore(ScanStoreLayout(Path(folder)))
        started = time.perf_counter()
        _preprocess(files, plan, atlas, store, weights_folder, Stopwatch())
        first = time.perf_counter() - started
        watch = Stopwatch()
        started, cpu = time.perf_counter(), time.process_time()
        for _ in range(repeats):
            _preprocess(files, plan, atlas, store, weights_folder, watch)
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    steps = {name: seconds / repeats for name, seconds in watch.seconds.items()}
    return ScanCost(steps, wall / repeats, cpu / repeats, first, peak_bytes())


def _preprocess(
    files: ScanFiles, plan: PreprocessingPlan, atlas: Atlas, store: ScanStore, weights_folder: Path | None,
    watch: Stopwatch,
) -> None:
    """What the runner does with a scan, timed."""
    with watch("reading"):
        image = read_volume(files.image)
        lesions = None if files.mask is None else read_volume(files.mask)
        brain = None if files.brain is None else read_volume(files.brain)
    settings = ScanSettings(weights_folder=weights_folder, brain_mask=brain, timed=watch)
    scan = preprocess_scan(image, lesions, scan_id="benchmark", plan=plan, atlas=atlas, settings=settings)
    with watch("picture"):
        write_qc_picture(scan, atlas, store.layout.qc_picture(scan.scan_id), raw=image)
    with watch("storing"):
        store.write_scan(scan, {})


def peak_bytes() -> int:
    """Largest memory that this process ever held; 0 where the system does not tell (Windows)."""
    if sys.platform == "win32":
        return 0
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
