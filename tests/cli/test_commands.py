import os
import subprocess
import sys
from importlib import import_module
from importlib.metadata import entry_points

import pytest

from rnnet.cli import _common
from rnnet.core.errors import CaseFailedError, MissingStageError

COMMANDS = sorted(
    e.name for e in entry_points(group="console_scripts") if e.value.startswith("rnnet.cli.")
)


def parser_of(command):
    return import_module(f"rnnet.cli.{command.removeprefix('rnnet_')}").build_parser()


def main_of(command):
    return import_module(f"rnnet.cli.{command.removeprefix('rnnet_')}").main


def test_there_are_twenty_one_commands():
    assert len(COMMANDS) == 24


@pytest.mark.parametrize("command", COMMANDS)
def test_help_ends_with_an_example_that_the_parser_accepts(command):
    text = parser_of(command).format_help()
    example = text.split("example:\n")[1].strip()
    assert example.startswith(command)
    parser_of(command).parse_args(example.split()[1:])


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_flag_is_an_error(command, capsys):
    example = parser_of(command).format_help().split("example:\n")[1].split()
    with pytest.raises(SystemExit) as stop:
        main_of(command)([*example[1:], "--no_such_flag"])
    assert stop.value.code == 2
    assert "--no_such_flag" in capsys.readouterr().err


def test_help_comes_without_heavy_imports():
    code = (
        "import sys, contextlib, io\nfrom rnnet.cli.train import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): main(['--help'])\n"
        "sys.exit(any(m in sys.modules for m in ('torch', 'sklearn', 'SimpleITK', 'matplotlib')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_folders_the_error_names_the_ways_to_set_them(monkeypatch, capsys):
    for name in ("rnnet_raw", "rnnet_preprocessed", "rnnet_results", "rnnet_root"):
        monkeypatch.delenv(name, raising=False)
    assert main_of("rnnet_fuse")(["1"]) == 2
    error = capsys.readouterr().err
    assert "rnnet_raw" in error
    assert "--root" in error
    assert "Traceback" not in error


def test_a_data_set_that_is_not_there_is_one_line_and_exit_code_2(tmp_path, capsys):
    (tmp_path / "rnnet_raw" / "Dataset007_Here").mkdir(parents=True)
    assert main_of("rnnet_train")(["Dataset007_Hree", "0", "--root", str(tmp_path)]) == 2
    error = capsys.readouterr().err.strip()
    assert "\n" not in error
    assert "Did you mean 'Dataset007_Here'?" in error


def test_a_fold_that_is_no_number_is_refused(capsys):
    with pytest.raises(SystemExit):
        parser_of("rnnet_train").parse_args(["1", "first"])
    assert "'first'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"), [(MissingStageError("No plan.", fix="Plan."), 2), (CaseFailedError("A scan failed."), 3)]
)
def test_errors_become_exit_codes(error, code, capsys):
    def body(arguments):
        raise error

    parser = _common.make_parser("rnnet_x", "", "rnnet_x")
    assert _common.run(body, parser, []) == code
    assert error.problem in capsys.readouterr().err


def test_environment_variables_choose_the_folders(monkeypatch, tmp_path):
    parser = _common.make_parser("rnnet_x", "", "rnnet_x")
    monkeypatch.setenv("rnnet_root", str(tmp_path))
    monkeypatch.setenv("rnnet_results", str(tmp_path / "elsewhere"))
    for name in ("rnnet_raw", "rnnet_preprocessed"):
        monkeypatch.delenv(name, raising=False)
    workspace = _common.workspace_of(parser.parse_args([]))
    assert workspace.raw == tmp_path / "rnnet_raw"
    assert workspace.results == tmp_path / "elsewhere"
    assert os.environ["rnnet_root"] == str(tmp_path)
