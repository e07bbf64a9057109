"""The rules of the house that no linter knows."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rnnet

PACKAGE = Path(rnnet.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))


def test_no_file_is_longer_than_400_lines():
    long = [p.name for p in FILES if len(p.read_text().splitlines()) > 400]
    assert not long


def test_no_function_is_longer_than_80_lines():
    long = [
        f"{path.name}:{node.name}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 80
    ]
    assert not long


def test_the_environment_is_read_by_the_command_line_only():
    readers = [
        str(p.relative_to(PACKAGE)) for p in FILES if "os.environ" in p.read_text() or "os.getenv" in p.read_text()
    ]
    assert [r for r in readers if not r.startswith("cli")] == []


def test_every_command_is_a_function_of_the_package():
    assert set(rnnet.__all__) == {"RnnetError", "Workspace", *rnnet.pipeline.__all__}


@pytest.mark.parametrize("heavy", ["torch", "sklearn", "SimpleITK", "pandas", "matplotlib", "radiomics"])
def test_importing_rnnet_imports_no_heavy_library(heavy):
    code = f"import rnnet, sys; sys.exit('{heavy}' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("library", ["radiomics", "HD_BET", "batchgenerators", "deepbet", "dask", "distributed"])
def test_a_replaceable_library_is_imported_in_one_file_at_most(library):
    importers = {
        path.name
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Import) and any(a.name.split(".")[0] == library for a in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == library)
    }
    assert len(importers) <= 1
