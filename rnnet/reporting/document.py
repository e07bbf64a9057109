"""A page that is one file: style and script stand in it, nothing is fetched."""

from __future__ import annotations

from collections.abc import Sequence

from rnnet.reporting.css import STYLE
from rnnet.reporting.markup import Html, element, joined


def document(title: str, body: Html, *, style: str = "", script: str = "") -> str:
    """The HTML document around `body`; style is added to the common one, script runs once the page is there."""
    head = element(
        "head", element("meta", charset="utf-8"),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("title", title), element("style", Html(STYLE + style)),
    )
    code = element("script", Html(script)) if script else None
    return f"<!doctype html>\n{element('html', head, element('body', body, code), lang='en')}\n"


def page_body(
    *, eyebrow: str, title: str, meta: str, top: Html | None, sections: Sequence[tuple[str, str, Html]], footer: Html
) -> Html:
    """Head, links to the sections (anchor, heading, content) and the sections that have content."""
    shown = [section for section in sections if section[2]]
    return joined([
        element(
            "header",
            element("p", eyebrow, class_="eyebrow"), element("h1", title), element("p", meta, class_="meta"),
            element("nav", *(element("a", name, href=f"#{anchor}") for anchor, name, _ in shown)),
            class_="top",
        ),
        element(
            "main", top,
            *(element("section", element("h2", name), content, id_=anchor) for anchor, name, content in shown),
            element("footer", footer),
        ),
    ])


def tile(name: str, value: object, note: str = "") -> Html:
    """One figure of a summary, with what it is and a line below."""
    return element(
        "div", element("div", name, class_="name"), element("div", value, class_="value"),
        element("div", note, class_="range"), class_="tile",
    )
