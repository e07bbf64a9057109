"""Runs the arms of a trial by rnnet's own commands: python -m trials.run TRIAL ROOT.

What is finished is skipped. Each command's output and its wall time are kept in ROOT/trial/ARM.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnet.core.errors import RnnetError, StaleArtefactError, did_you_mean
from rnnet.core.files import text_digest, write_text
from rnnet.core.log import configure_logging, get_logger
from rnnet.core.workspace import Workspace
from trials.arms import MAIN, SEEDS, TRIALS, Arm, Trial, arms_of, plan_settings

log = get_logger("rnnet.trials.run")
_FOLDS_SETTING = "n_folds"


@dataclass(frozen=True, slots=True)
class Step:
    """One command of an arm. name: of its files."""

    arm: str
    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the data lie and what they are worked on with; nothing here changes a result's meaning."""

    root: Path
    atlas: Path | None = None
    device: str = "cpu"
    n_processes: int = 1


def steps_of(trial: Trial, arm: Arm, machine: Machine) -> list[Step]:
    """The commands of an arm, in order. Preprocessed scans are shared by all arms: the main one makes them."""
    root, cores = ("--root", str(machine.root)), ("-np", str(machine.n_processes))
    device = ("-device", machine.device)
    atlas = ("--atlas", str(machine.atlas)) if machine.atlas else ()
    labelled, pool, second = str(trial.labelled), str(trial.pool), str(trial.second)
    settings = plan_settings(trial, arm)
    plan, pretrained = ("-p", arm.name), _encoder(trial, arm, machine)
    steps: list[tuple[str, tuple[str, ...]]] = []
    if arm.name == MAIN:
        steps.append(("verify", ("verify_dataset_integrity", "-d", labelled, pool, second, *root, *cores)))
        making = ("plan_and_preprocess", *atlas)
    else:
        making = ("plan_experiment",)
    steps.append(("plan", (*making, "-d", labelled, pool, *plan, *root, *cores, "--set", *settings)))
    if arm.pretrains:
        steps.append(("pretrain", ("pretrain", "-d", labelled, pool, *plan, *root, *device, "--continue")))
    folds = range(int(next(s for s in settings if s.startswith(f"{_FOLDS_SETTING}=")).partition("=")[2]))
    trained = [(config, "") for config in arm.configs] + [("ssl_vit", control) for control in arm.controls]
    for config, control in trained:
        for fold in folds:
            command: tuple[str, ...] = ("train", labelled, str(fold), "-c", config, *plan, *root, *cores, *device)
            command += ("--control", control) if control else ()
            command += ("--seeds", str(SEEDS)) if config in arm.repeated and not control else ()
            command += pretrained if config.startswith("ssl_") else ()
            command += ("--continue",) if config not in ("radiomics", "clinical") else ()
            steps.append((f"train_{config}{f'_{control}' if control else ''}_{fold}", command))
    if arm.fuse:
        steps.append(("fuse", ("fuse", labelled, *plan, *root, *cores)))
    steps.append(("evaluate", ("evaluate", labelled, "--external", second, *plan, *root, *cores, *device, *atlas)))
    return [Step(arm.name, name, command) for name, command in steps]


def _encoder(trial: Trial, arm: Arm, machine: Machine) -> tuple[str, ...]:
    if arm.pretrains:
        return ()
    workspace = Workspace.under(machine.root)
    # The labelled data set's folder name is known only once the raw data are there.
    names = sorted(p.name for p in workspace.raw.glob(f"Dataset{trial.labelled:03d}_*"))
    name = names[0] if names else f"Dataset{trial.labelled:03d}"
    return ("-pretrained", str(workspace.results_dataset(name, arm.encoder).pretrained_checkpoint))


def run_arm(trial: Trial, arm: Arm, machine: Machine) -> None:
    """Run what of an arm is not finished.

    Raises:
        StaleArtefactError: it was begun with other settings.
        RnnetError: a command fails; the message names its output.
    """
    folder = machine.root / "trial" / arm.name
    settings = text_digest("\n".join((*plan_settings(trial, arm), *(f"{c}: {SEEDS} seeds" for c in arm.repeated))))
    for number, step in enumerate(steps_of(trial, arm, machine)):
        record, output = folder / f"{number:02d}_{step.name}.json", folder / f"{number:02d}_{step.name}.log"
        if record.is_file():
            if json.loads(record.read_text(encoding="utf-8"))["settings"] != settings:
                raise StaleArtefactError(f"The arm '{arm.name}' was begun with other settings.", where=record,
                                         fix="Give another ROOT, or delete the arm's folder and its results.")
            continue
        log.info("%s: rnnet_%s", arm.name, shlex.join(step.command))
        folder.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        with output.open("w", encoding="utf-8") as stream:
            call = (sys.executable, "-c", _CALL, *step.command)
            code = subprocess.run(call, stdout=stream, stderr=subprocess.STDOUT, check=False).returncode
        if code:
            raise RnnetError(f"rnnet_{step.command[0]} of the arm '{arm.name}' ended with {code}.", where=output,
                             fix="Its last lines say why; the same call goes on from there.")
        seconds = round(time.monotonic() - started, 1)
        content = {"command": f"rnnet_{shlex.join(step.command)}", "seconds": seconds, "settings": settings}
        write_text(record, json.dumps(content, indent=2) + "\n")


# As the installed command does it, but of this interpreter, wherever its scripts lie.
_CALL = "import sys; from importlib import import_module as load; " \
        "sys.exit(load(f'rnnet.cli.{sys.argv[1]}').main(sys.argv[2:]))"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m trials.run", description=__doc__)
    parser.add_argument("trial", choices=sorted(TRIALS))
    parser.add_argument("root", type=Path)
    parser.add_argument("--only", nargs="+", metavar="ARM", help="some arms, by name")
    parser.add_argument("--dry_run", action="store_true", help="only say what would be run")
    parser.add_argument("--atlas", type=Path, help="default: ROOT/atlas if it is there")
    parser.add_argument("-device", default="cpu")
    parser.add_argument("-np", dest="n_processes", type=int, default=1)
    chosen = parser.parse_args(argv)
    configure_logging()
    own = chosen.root / "atlas"
    atlas = chosen.atlas or (own if own.is_dir() else None)
    machine = Machine(chosen.root, atlas, chosen.device, chosen.n_processes)
    trial = TRIALS[chosen.trial]
    arms = {arm.name: arm for arm in arms_of(trial)}
    try:
        for name in chosen.only or arms:
            if name not in arms:
                raise RnnetError(f"The trial has no arm '{name}'.", fix=did_you_mean(name, list(arms)))
            if chosen.dry_run:
                for step in steps_of(trial, arms[name], machine):
                    log.info("%s: rnnet_%s", name, shlex.join(step.command))
            else:
                run_arm(trial, arms[name], machine)
    except RnnetError as error:
        log.error("error: %s", error)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
