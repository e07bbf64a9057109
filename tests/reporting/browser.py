"""Pages in a real browser, where one is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
          "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr")


class Browser:
    """Headless Chromium with a profile of its own."""

    def __init__(self, command: str, profile: Path) -> None:
        self.command, self.profile = command, profile

    def dom(self, url: str, *flags: str) -> tuple[str, list[str]]:
        """The page after its script ran, and what the script complained of. flags: further ones of the browser."""
        done = self._run(*flags, "--dump-dom", url)
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    def screenshot(self, url: str, path: Path) -> None:
        """A picture of the page's first 1300 x 1600 pixels."""
        self._run(f"--screenshot={path}", "--window-size=1300,1600", url)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [self.command, *_FLAGS, f"--user-data-dir={self.profile}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def find_browser(profile: Path) -> Browser:
    """The browser; without one the test is skipped."""
    command = next((found for found in map(shutil.which, _NAMES) if found), None)
    if command is None:
        pytest.skip(f"no browser to look at the page: none of {', '.join(_NAMES)} is installed")
    return Browser(command, profile)
