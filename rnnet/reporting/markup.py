"""HTML elements from Python values: whatever is not an element already is escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from rnnet.core.errors import MissingStageError

_VOID = ("br", "hr", "img", "meta")
_PNG = "image/png"
# A wide picture of 160 dots an inch is shown at 100 pixels an inch, so that its text is as large as the page's.
_CSS_PX_PER_DOT = 100 / 160
_MEDIA_TYPES = {b"\x89PNG": _PNG, b"\xff\xd8\xff": "image/jpeg"}


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture file (PNG or JPEG) with what is written below it; a wide one has the width of the page to itself.

    anchor: where a link leads; '' for none.
    """

    title: str
    caption: str
    path: Path
    wide: bool = False
    anchor: str = ""


def element(name: str, *children: object, **attributes: object) -> Html:
    """The element <name attributes>children</name>; children that are not Html are escaped, None is left out.

    An attribute's trailing underscore is dropped, so that class_ and id_ can be written; others become hyphens.
    """
    parts = "".join(f' {_attribute(k)}="{escape(str(v), quote=True)}"' for k, v in attributes.items() if v is not None)
    if name in _VOID:
        return Html(f"<{name}{parts}>")
    return Html(f"<{name}{parts}>{joined(children)}</{name}>")


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def joined(children: Iterable[object]) -> Html:
    """Children one after the other, escaped where they are not Html."""
    return Html("".join(c if isinstance(c, Html) else escape(str(c)) for c in children if c is not None))


def data_table(
    header: Sequence[object], rows: Sequence[Sequence[object]], *, kind: str = "", emphasised: Sequence[int] = (),
    spans: Sequence[tuple[str, Sequence[str]]] = (),
) -> Html:
    """A table that scrolls sideways inside its own box on a narrow page.

    Args:
        header: names of the columns; the first column heads the rows.
        rows: cells.
        kind: CSS class: 'figures' centres all but the first column.
        emphasised: numbers of rows that stand out.
        spans: (what stands above them, names of columns): a header of two lines instead of `header`.
    """
    head = _head(header, spans) if header else None
    body = element("tbody", *(
        element("tr", element("th", row[0], scope="row"), *(element("td", c) for c in row[1:]),
                class_="primary" if i in emphasised else None)
        for i, row in enumerate(rows)
    ))
    return element("div", element("table", head, body, class_=kind or None), class_="scroll")


def _head(header: Sequence[object], spans: Sequence[tuple[str, Sequence[str]]]) -> Html:
    if not spans:
        return element("thead", element("tr", *(element("th", h, scope="col") for h in header)))
    above = (element("th", title, scope="colgroup", colspan=len(names), class_="span" if title else None)
             for title, names in spans)
    below = (element("th", name, scope="col") for _, names in spans for name in names)
    return element("thead", element("tr", *above, class_="spans"), element("tr", *below))


def bullet_list(items: Iterable[object], *, kind: str = "") -> Html:
    """A list of items."""
    return element("ul", *(element("li", i) for i in items), class_=kind or None)


def figure(item: Figure) -> Html:
    """A picture inside the page, with title and caption.

    Raises:
        MissingStageError: there is no such picture, or it is not PNG or JPEG.
    """
    try:
        content = item.path.read_bytes()
    except FileNotFoundError as error:
        raise MissingStageError(f"The picture '{item.title}' is not there.", where=item.path,
                                fix="Run rnnet_report (figures) or rnnet_explain (attention) again.") from error
    media_type = next((kind for start, kind in _MEDIA_TYPES.items() if content.startswith(start)), None)
    if media_type is None:
        raise MissingStageError(f"The picture '{item.title}' is neither PNG nor JPEG.", where=item.path,
                                fix="Make it again.")
    source = f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"
    width = round(int.from_bytes(content[16:20], "big") * _CSS_PX_PER_DOT) if item.wide and media_type == _PNG else None
    return element(
        "figure", element("div", element("img", src=source, alt=item.title, width=width), class_="scroll"),
        element("figcaption", element("b", item.title), " " if item.caption else None, item.caption or None),
        class_="wide" if item.wide else None, id_=item.anchor or None,
    )
