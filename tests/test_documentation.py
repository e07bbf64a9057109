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


@pytest.mark.parametrize("page", sorted(REFERENCE.PAGES))
def test_the_reference_is_what_the_code_says(page):
    written = (ROOT / "documentation" / "reference" / page).read_text(encoding="utf-8")
    assert written == REFERENCE.PAGES[page](), "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_command_that_a_page_names_exists(page):
    named = set(re.findall(r"^\$? ?(rnnet_[a-z_]+) ", page.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert named <= set(REFERENCE.command_names())
