"""A scan's picture made small enough for a page of a thousand."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from rnnet.core.errors import FileFormatError
from rnnet.preprocessing.qc_layout import FOOTER_PX, HEADER_PX

WIDTH_PX = 300
_MOST_BYTES = 6500


def thumbnail(path: Path) -> str:
    """The panels of a QC picture as a data URI (WebP, at most about 6.5 kB before base64).

    Raises:
        FileFormatError: the picture cannot be read.
    """
    from PIL import Image, ImageEnhance, UnidentifiedImageError

    try:
        with Image.open(path) as stored:
            picture = stored.convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        raise FileFormatError("The picture cannot be read.", where=path,
                              fix="Delete it and run rnnet_preprocess again.") from error
    width, height = picture.size
    if height > 2 * (HEADER_PX + FOOTER_PX):
        picture = picture.crop((0, HEADER_PX, width, height - FOOTER_PX))
    picture.thumbnail((WIDTH_PX, WIDTH_PX), Image.Resampling.LANCZOS)
    # Thin lines lose colour when they are made smaller.
    picture = ImageEnhance.Color(picture).enhance(2.0)
    for quality in (50, 30, 15):
        stream = io.BytesIO()
        picture.save(stream, "WEBP", quality=quality, method=2)
        if stream.tell() <= _MOST_BYTES:
            break
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
