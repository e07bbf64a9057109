"""Who has seen whom, in a table: raw data sets, their folds, pretrained encoders and trained models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rnnet.core.errors import RnnetError
from rnnet.core.provenance import read_leaks, read_origin
from rnnet.core.types import CONFIGS, Problem
from rnnet.core.volume import image_stem
from rnnet.core.workspace import RawLayout, ResultsLayout, Workspace
from rnnet.dataset.content import ScanContent
from rnnet.dataset.integrity import IntegrityReport, ordered
from rnnet.dataset.leakage import Exposure, Overlap, joined_hashes, overlap_text, overlaps, unhashed_text, unknown_text
from rnnet.dataset.leakage_sources import patient_names
from rnnet.dataset.problems import error, warning
from rnnet.experiment.access import read_raw, store_of
from rnnet.experiment.audit_folds import fold_problems
from rnnet.experiment.recall import recall, stored_hashes
from rnnet.inference.audit_changed import made_with_other_splits
from rnnet.inference.exposures import config_seen
from rnnet.planning.plan import read_plan
from rnnet.training.checkpoint import read_checkpoint
from rnnet.training.exposure import checkpoint_exposure, checkpoint_steering

_ORIGIN_FIX = "Pretrain with rnnet_pretrain, or test on patients whom the authors of the weights cannot have had."


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One step or part and what it has of each held-out set, in the order of LeakageAudit.held_out; '' is nothing."""

    seen: str
    patients: int
    images: int
    shared: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeakageAudit:
    """Who has seen whom. held_out: (name, number of patients) of the test splits. problems: errors first."""

    held_out: tuple[tuple[str, int], ...]
    rows: tuple[AuditRow, ...]
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Problems that must be cured."""
        return tuple(p for p in self.problems if p.level == "error")


@dataclass(frozen=True, slots=True)
class _Step:
    """Something that has seen patients.

    dataset: whose training split it is; '' for what was trained. pool: it serves pretraining only.
    """

    exposure: Exposure
    dataset: str = ""
    pool: bool = False

    def left_out_of(self, test: Exposure) -> bool:
        """Whether only pretraining would use it, which leaves out whom `test` holds out.

        So it is with a pool, and with the data set that the scans of `test` were selected from.
        """
        other = all(not patient.startswith(f"{self.dataset}/") for patient in test.patients)
        is_home = bool(self.dataset) and any(place.startswith(f"{self.dataset}/") for place in test.images)
        return self.pool or (other and is_home)


def audit(workspace: Workspace, reports: Mapping[str, IntegrityReport]) -> LeakageAudit:
    """Compare everything that the checked data sets and their results have seen with every test split among them.

    The scans of the reports must have the test patients of splits_final.json in the test split already.
    """
    parts = {name: _parts(workspace, report) for name, report in reports.items()}
    held_out = [test for _, test in parts.values() if test.patients]
    steps = [_Step(train, name, not workspace.raw_dataset(name).cases_csv.is_file())
             for name, (train, _) in parts.items() if train.patients]
    problems: list[Problem] = []
    for name, report in reports.items():
        try:
            steps += _trained(workspace, name)
            problems += fold_problems(workspace, name, report)
            problems += made_with_other_splits(workspace, name, _results(workspace, name))
        except RnnetError as failure:
            problems.append(error("leakage-unknown", failure.where or name, failure.problem, failure.fix))
        problems += _recorded(workspace, name)
    problems += _not_compared(steps, held_out)
    rows = []
    for step in steps:
        found = [overlaps(step.exposure, test) for test in held_out]
        rows.append(AuditRow(step.exposure.name, len(step.exposure.patients), len(step.exposure.images),
                             tuple(map(_cell, found))))
        for test, shared in zip(held_out, found, strict=True):
            problems += _problems(step, test, shared)
    return LeakageAudit(tuple((t.name, len(t.patients)) for t in held_out), tuple(rows), ordered(problems))


def _parts(workspace: Workspace, report: IntegrityReport) -> tuple[Exposure, Exposure]:
    """What the training and the test split of a data set have.

    Images by the digest of their voxels and, once preprocessed, by what they show.
    """
    name, layout = report.dataset, workspace.raw_dataset(report.dataset)
    hashes = stored_hashes(workspace.preprocessed_dataset(name))
    train, test = ([s for s in report.scans if s.split == split] for split in ("train", "test"))
    return (_scans(layout, f"the training split of {name}", train, hashes),
            _scans(layout, f"the test split of {name}", test, hashes))


def _scans(layout: RawLayout, name: str, scans: Sequence[ScanContent], hashes: Mapping[str, str | None]) -> Exposure:
    return Exposure(
        name, frozenset(f"{layout.folder.name}/{s.patient_id}" for s in scans),
        patient_names(layout, (s.patient_id for s in scans)),
        {_place(s): joined_hashes(s.digest, hashes.get(s.scan_id) or "") for s in scans},
    )


def _place(scan: ScanContent) -> str:
    image = Path(scan.image)
    return f"{image.parent.parent.name}/{image_stem(image).removesuffix('_0000')}"


def _not_compared(steps: Sequence[_Step], held_out: Sequence[Exposure]) -> list[Problem]:
    """Errors of patients and a warning of scans that could not be compared."""
    code = "leakage-unknown"
    problems = [error(code, test.name, unknown_text(step.exposure, test), "Make again what has seen them.")
                for step in steps if step.exposure.unknown for test in held_out]
    if held_out and (scans := {scan for step in steps for scan in step.exposure.unhashed}):
        text, _, fix = unhashed_text(scans).partition(". ")
        problems.append(warning("image-not-compared", "", f"{text}.", fix))
    return problems


def _trained(workspace: Workspace, name: str) -> Iterator[_Step]:
    """Pretrained encoders and trained configurations of a data set, under every plan."""
    ask = partial(recall, workspace)
    for results in _results(workspace, name):
        if results.pretrained_checkpoint.is_file():
            checkpoint = read_checkpoint(results.pretrained_checkpoint, made_by="rnnet_pretrain", lazy=True)
            yield _Step(checkpoint_exposure(checkpoint, f"pretraining of {name} ({results.plan_name})", ask))
            chosen = f"the choice of the encoder of {name} ({results.plan_name}) by outcomes"
            steering = checkpoint_steering(checkpoint, chosen)
            yield from (_Step(steering),) if steering.patients else ()
        configs = [c for c in CONFIGS if results.folds(c)]
        if configs:
            plan = read_plan(workspace.preprocessed_dataset(name).plans_json(results.plan_name))
            raw, store = read_raw(workspace, name), store_of(workspace, name, plan)
            for config in configs:
                seen = config_seen(raw, store, results, config, ask)
                if seen.patients:
                    yield _Step(replace(seen, name=f"{config} of {name} ({results.plan_name})"))


def _results(workspace: Workspace, name: str) -> list[ResultsLayout]:
    """The results of a data set under each plan that has any."""
    folder = workspace.results / name
    folders = [p.name for p in folder.iterdir() if p.is_dir() and "__" in p.name] if folder.is_dir() else []
    plans = {n.split("__", 1)[1] for n in folders if n.split("__", 1)[0] in ("pretrain", *CONFIGS)}
    return [workspace.results_dataset(name, plan) for plan in sorted(plans)]


def _recorded(workspace: Workspace, name: str) -> list[Problem]:
    """What --allow_leakage let through before."""
    problems = []
    for results in _results(workspace, name):
        # Below a configuration lie its folds, their further seeds, and its models without two folds.
        runs = [path for config in CONFIGS for path in sorted(results.config(config).rglob("run.json"))]
        for path in (results.pretrain.run_json, *runs):
            problems += [warning("leak-recorded", path, leak, "Train again without --allow_leakage.")
                         for leak in read_leaks(path)]
            origin = read_origin(path)
            problems += [warning("origin-unknown", path, origin, _ORIGIN_FIX)] if origin else []
    return problems


def _cell(found: Sequence[Overlap]) -> str:
    counts = {
        "patient(s)": sum(o.kind in ("patient", "other name") for o in found),
        "image(s)": sum(o.kind == "image" for o in found),
        "patient(s) possibly": sum(o.kind == "possible patient" for o in found),
    }
    return ", ".join(f"{n} {what}" for what, n in counts.items() if n)


def _problems(step: _Step, test: Exposure, found: Sequence[Overlap]) -> list[Problem]:
    problems = []
    for kind, code in (("patient", "patient-seen"), ("other name", "patient-seen"), ("image", "image-seen"),
                       ("possible patient", "patient-possibly-seen")):
        same = [o for o in found if o.kind == kind]
        if same:
            text = overlap_text(step.exposure, test, same)
            if kind == "possible patient":
                problems.append(warning(code, test.name, text, "If it is one person, say so in other_ids.csv."))
            elif step.left_out_of(test):
                problems.append(warning(code, test.name, text, "rnnet_pretrain leaves them out by itself if both data "
                                        "sets are named. Train on neither what the other one tests."))
            else:
                problems.append(error(code, test.name, text, "Hold them out in both, or remove them from one; then "
                                      "train again what has seen them."))
    return problems
