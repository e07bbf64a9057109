"""One page of all preprocessed scans of a data set: what failed first, then the worst registration first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from urllib.parse import quote

from rnnet.core.errors import RnnetError
from rnnet.core.files import write_text
from rnnet.core.log import get_logger
from rnnet.core.parallel import map_cases
from rnnet.planning.histogram import histogram_of
from rnnet.reporting import qc_style
from rnnet.reporting.charts import histogram
from rnnet.reporting.css import FIGURES
from rnnet.reporting.document import document, page_body, tile
from rnnet.reporting.markup import Html, bullet_list, data_table, element, joined
from rnnet.reporting.qc_scans import FailedScan, QcScan, QcScans, kind_of_warning
from rnnet.reporting.thumbnail import WIDTH_PX, thumbnail

log = get_logger(__name__)

# Below this a scan should be looked at: whole heads in slices of 5 to 7 mm reach 0.91 to 0.95.
LOW_DICE = 0.85
_LESIONS_NAMED = 4
_HEADER = ("", "scan", "Dice", "MI", "angle", "brain mask", "N4 field", "lesions", "ml", "warnings")


def write_qc_page(path: Path, scans: QcScans, *, dataset: str, plan_name: str, n_processes: int = 1) -> None:
    """Write the page at `path`; the pictures that it links to lie below the same folder.

    A scan whose picture cannot be read is shown without one; that is logged.
    """
    shown: list[FailedScan | QcScan] = [*scans.failed, *scans.done]
    pictures = [s.picture for s in shown if s.picture is not None]
    made = map_cases(thumbnail, pictures, n_processes=n_processes, title=f"QC page of {dataset}")
    thumbs = {p: t for p, t in zip(pictures, made, strict=True) if isinstance(t, str)}
    for failure in made:
        if isinstance(failure, RnnetError):
            log.warning("%s", failure)
    total = len(scans.done) + len(scans.failed) + len(scans.waiting)
    body = page_body(
        eyebrow="rnnet quality control", title=dataset,
        meta=f"plan {plan_name} · {total} scan{'' if total == 1 else 's'} · worst registration first",
        top=_tiles(scans), sections=[
            ("summary", "Summary", _summary(scans)),
            ("failed", f"Failed ({len(scans.failed)})", _failed_table(scans.failed, thumbs, path.parent)),
            ("waiting", f"Not preprocessed yet ({len(scans.waiting)})", _waiting(scans.waiting)),
            ("scans", f"Preprocessed ({len(scans.done)})", _scan_table(scans.done, thumbs, path.parent)),
        ], footer=_footer(),
    )
    style, script = FIGURES + qc_style.STYLE, qc_style.SCRIPT
    write_text(path, document(f"Quality control of {dataset}", body, style=style, script=script))


def _tiles(scans: QcScans) -> Html:
    measured = [s.brain_dice for s in scans.done if s.brain_dice is not None]
    warned = sum(bool(s.warnings) for s in scans.done)
    lesions = sum(len(s.lesions) for s in scans.done)
    waiting = f", {len(scans.waiting)} not yet" if scans.waiting else ""
    tiles = [
        tile("Preprocessed", len(scans.done), f"{lesions} lesions{waiting}"),
        tile("Failed", len(scans.failed), "listed below with what to do" if scans.failed else "none"),
        tile("With warnings", warned, "see the last column" if warned else "none"),
    ]
    if measured:
        low = sum(d < LOW_DICE for d in measured)
        tiles.append(tile("Median Dice", f"{median(measured):.3f}",
                          f"lowest {min(measured):.3f}; {low} under {LOW_DICE}"))
    return element("div", *tiles, class_="tiles")


def _summary(scans: QcScans) -> Html:
    dices = histogram_of(s.brain_dice for s in scans.done if s.brain_dice is not None)
    chart = None if dices is None else histogram(
        "Overlap with the atlas's brain", "Dice", dices.edges, {"scans": dices.counts},
        note="in the scan's field of view, after registration")
    warnings = Counter(kind for s in scans.done for kind in {kind_of_warning(w) for w in s.warnings})
    return element(
        "div", element("div", chart, class_="charts"),
        element("div", _counted("Brain mask by", Counter(_stripper(s) for s in scans.done)),
                _counted("Registration", Counter(s.registration for s in scans.done)),
                _counted("Warnings (scans)", warnings)),
        class_="summary",
    )


def _counted(title: str, counts: Mapping[str, int]) -> Html:
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0])) or [("none", 0)]
    return joined([element("h3", title), data_table((), rows, kind="facts")])


def _failed_table(failed: Sequence[FailedScan], thumbs: Mapping[Path, str], folder: Path) -> Html:
    if not failed:
        return Html("")
    rows = [
        element(
            "tr", element("td", _thumb(f.picture, f.scan_id, thumbs, folder), class_="thumb"),
            element("th", element("b", f.scan_id), scope="row"),
            element("td", element("div", f.problem.removeprefix(f"{f.scan_id}: "), class_="problem"),
                    element("small", f.where)),
            element("td", f.fix),
        )
        for f in failed
    ]
    return _table(("", "scan", "what went wrong", "what to do"), rows, "scans")


def _waiting(scan_ids: Sequence[str]) -> Html:
    if not scan_ids:
        return Html("")
    return joined([element("p", "Run rnnet_preprocess to go on."), bullet_list(scan_ids, kind="plain")])


def _scan_table(scans: Sequence[QcScan], thumbs: Mapping[Path, str], folder: Path) -> Html:
    if not scans:
        return Html("")
    rows = [_scan_row(scan, _thumb(scan.picture, scan.scan_id, thumbs, folder)) for scan in scans]
    return joined([element("div", id_="controls"), _table(_HEADER, rows, "scans sortable")])


def _scan_row(s: QcScan, picture: Html) -> Html:
    low = s.brain_dice is not None and s.brain_dice < LOW_DICE
    information = "–" if s.information_after is None else f"{s.information_before:.2f} → {s.information_after:.2f}"
    field = "–" if s.field_range is None else f"{s.field_range[0]:.2f} to {s.field_range[1]:.2f}"
    sizes = ", ".join(f"{n / 1000:.3g}" for _, n in s.lesions[:_LESIONS_NAMED])
    more = len(s.lesions) - _LESIONS_NAMED
    volume = sum(n for _, n in s.lesions)
    return element(
        "tr", element("td", picture, class_="thumb"),
        element("th", element("b", s.scan_id), element("br"),
                element("small", f"patient {s.patient_id}", element("br"), f"centre {s.center}, {s.split}"),
                scope="row", data_v=s.scan_id),
        _cell(s.brain_dice, "–" if s.brain_dice is None else f"{s.brain_dice:.3f}", kind="low" if low else None),
        _cell(s.information_after, information, kind="short"),
        _cell(s.angle_degrees, s.registration if s.angle_degrees is None else f"{s.angle_degrees:.1f}°"),
        element("td", _stripper(s)),
        _cell(None if s.field_range is None else s.field_range[1] / max(s.field_range[0], 1e-6), field),
        _cell(len(s.lesions), str(len(s.lesions))),
        _cell(volume, (sizes or "–") + (f" and {more} smaller" if more > 0 else "")),
        _cell(len(s.warnings), bullet_list(s.warnings) if s.warnings else "", kind="warn"),
    )


def _stripper(s: QcScan) -> str:
    return "none: came without skull" if s.stripper == "none" else s.stripper


def _cell(value: float | None, shown: object, *, kind: str | None = None) -> Html:
    return element("td", shown, data_v="" if value is None else f"{value:.6g}", class_=kind)


def _thumb(picture: Path | None, scan_id: str, thumbs: Mapping[Path, str], folder: Path) -> Html:
    if picture is None or picture not in thumbs:
        return element("span", "no picture", class_="muted")
    address = quote(picture.relative_to(folder).as_posix()) if picture.is_relative_to(folder) else picture.as_uri()
    image = element("img", src=thumbs[picture], alt=f"planes of {scan_id}", width=WIDTH_PX, loading="lazy")
    return element("a", image, href=address, title="the whole picture")


def _table(header: Sequence[str], rows: Sequence[Html], kind: str) -> Html:
    head = element("thead", element("tr", *(element("th", h, scope="col") for h in header)))
    return element("div", element("table", head, element("tbody", *rows), class_=kind), class_="scroll")


def _footer() -> Html:
    return joined([
        element("p", f"Dice: overlap of the scan's brain mask with the atlas's brain, inside the scan's field of view; "
                     f"under {LOW_DICE} in red. MI: mutual information with the atlas that the registration started "
                     f"and ended with, larger is better. Angle: by which the scan was turned. N4 field: lowest to "
                     f"highest factor of the bias field. ml: volumes of the largest lesions."),
        element("p", "In the pictures: yellow the atlas's brain, blue the brain mask, red the lesion. "
                     "The patient's right is on the left."),
        element("p", "For research. Not a medical device."),
    ])
