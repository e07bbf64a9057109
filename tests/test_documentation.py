"""The documentation says what the code does."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT / "documentation", ROOT / "rnnet_raw_template")
PAGES = sorted([ROOT / "README.md", *(page for folder in FOLDERS for page in folder.rglob("*.md"))])


def load_reference():
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "documentation" / "make_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REFERENCE = load_reference()


@pytest.mark.parametrize("page", sorted(set(REFERENCE.PAGES) - {"commands.md"}))
def test_the_reference_is_what_the_code_says(page):
    written = (ROOT / "documentation" / "reference" / page).read_text(encoding="utf-8")
    assert written == REFERENCE.PAGES[page](), "run: make docs"


@pytest.mark.parametrize("command", REFERENCE.command_names())
def test_every_option_and_its_help_stand_in_the_reference(command):
    # Not letter by letter: argparse lays out its help a little differently in each version of Python.
    page = (ROOT / "documentation" / "reference" / "commands.md").read_text(encoding="utf-8")
    section = " ".join(page.split(f"## {command}\n")[1].split("\n## ")[0].split())
    parser = REFERENCE.parser_of(command)
    for action in parser._actions:
        assert all(flag in section for flag in action.option_strings), "run: make docs"
        words = ((action.help or "") % {**vars(action), "prog": command}).split()
        assert " ".join(words[:3]) in section, "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_command_that_a_page_names_exists(page):
    named = set(re.findall(r"^\$? ?(rnnet_[a-z_]+) ", page.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert named <= set(REFERENCE.command_names())
