"""A small picture of grey values, thin coloured lines and text: few colours, few bytes, the same bytes each time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rnnet.core.files import atomic_path

Colour = Literal["yellow", "blue", "red"]
COLOURS: Mapping[Colour, tuple[int, int, int]] = {
    "yellow": (242, 193, 78), "blue": (78, 168, 222), "red": (255, 84, 112),
}
# 256 colours: 64 greys, and each colour in 4 strengths over 16 greys.
_GREYS, _STRENGTHS, _GREYS_BELOW = 64, 4, 16
Plane = npt.NDArray[np.float32]


class Canvas:
    """Black until drawn upon. Positions are pixels from the top left corner."""

    def __init__(self, height: int, width: int) -> None:
        self._grey = np.zeros((height, width), np.float32)
        self._strength = {colour: np.zeros((height, width), np.float32) for colour in COLOURS}

    def picture(self, top: int, left: int, grey: Plane, lines: Mapping[Colour, Plane] | None = None) -> None:
        """Grey values from 0 to 1 (h, w) with lines over them, given as strengths from 0 to 1."""
        place = (slice(top, top + grey.shape[0]), slice(left, left + grey.shape[1]))
        self._grey[place] = np.clip(grey, 0, 1)
        for colour, strength in (lines or {}).items():
            self._strength[colour][place] = np.maximum(self._strength[colour][place], strength)

    def rule(self, top: int, left: int, length: int) -> None:
        """A white horizontal line, two pixels high."""
        self._grey[top : top + 2, left : left + length] = 1

    def text(
        self, top: int, left: int, text: str, *, size: int = 12, colour: Colour | None = None, bold: bool = False,
        anchor: str = "la", brightness: float = 1.0, backed: bool = False,
    ) -> int:
        """Write one line; returns the position right of it.

        anchor: Pillow's letters, 'la' is the top left corner. backed: on a black ground of its own.
        """
        from PIL import Image, ImageDraw

        font = _font(size, bold)
        x0, y0, x1, y1 = (int(v) for v in font.getbbox(text, anchor=anchor))
        rows = slice(max(0, top + y0 - 2), max(0, top + y1 + 2))
        if backed:
            columns = slice(max(0, left + x0 - 2), max(0, left + x1 + 2))
            for layer in (self._grey, *self._strength.values()):
                layer[rows, columns] = 0
        grey = self._grey[rows]
        image = Image.new("L", grey.shape[::-1])
        ImageDraw.Draw(image).text((left, top - rows.start), text, font=font, fill=255, anchor=anchor)
        drawn = np.asarray(image, np.float32) / 255
        grey *= 1 - drawn
        if colour is None:
            grey += brightness * drawn
        else:
            strength = self._strength[colour][rows]
            np.maximum(strength, drawn, out=strength)
        return left + round(text_width(text, size=size, bold=bold))

    def save(self, path: Path) -> None:
        """Write the PNG; it holds no date and no name of a program."""
        from PIL import Image

        index = (self._grey * (_GREYS - 1)).round().astype(np.uint8)
        below = (self._grey * (_GREYS_BELOW - 1)).round().astype(np.uint8)
        for number, strength in enumerate(self._strength.values()):
            level = (strength * _STRENGTHS).round().astype(np.uint8)
            start = _GREYS + number * _STRENGTHS * _GREYS_BELOW
            index = np.where(level > 0, start + (np.maximum(level, 1) - 1) * _GREYS_BELOW + below, index)
        image = Image.fromarray(index.astype(np.uint8))
        image.putpalette(_palette())
        with atomic_path(path) as temporary:
            image.save(temporary, format="PNG", compress_level=9)


def text_width(text: str, *, size: int = 12, bold: bool = False) -> float:
    """Pixels that a line of text takes."""
    return float(_font(size, bold).getlength(text))


def shortened(text: str, width: int, *, size: int = 12, bold: bool = False) -> str:
    """The text, cut with an ellipsis where it is wider than `width` pixels."""
    if text_width(text, size=size, bold=bold) <= width:
        return text
    while text and text_width(text + "…", size=size, bold=bold) > width:
        text = text[:-1]
    return text.rstrip() + "…"


@lru_cache(maxsize=16)
def _font(size: int, bold: bool) -> Any:
    import matplotlib
    from PIL import ImageFont

    # The font that matplotlib brings along: the same on every machine, with umlauts and arrows.
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)


def _palette() -> list[int]:
    greys = np.repeat(np.linspace(0, 255, _GREYS)[:, None], 3, axis=1)
    below = np.repeat(np.linspace(0, 255, _GREYS_BELOW)[:, None], 3, axis=1)
    strengths = np.arange(1, _STRENGTHS + 1)[:, None, None] / _STRENGTHS
    mixed = [(strengths * np.array(c) + (1 - strengths) * below).reshape(-1, 3) for c in COLOURS.values()]
    palette: list[int] = np.concatenate([greys, *mixed]).round().astype(int).ravel().tolist()
    return palette
