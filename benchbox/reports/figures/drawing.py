"""Figures as files for papers, and as Altair charts for notebooks."""

from pathlib import Path
from typing import TYPE_CHECKING

from benchbox.errors import ResultsError, UsageError, cannot_write
from benchbox.reports.figures.figure import Figure, on_paper
from benchbox.reports.library import needs_report_extra

if TYPE_CHECKING:
    import altair as alt

KINDS = (".svg", ".png", ".pdf")
"""Endings of the files that a figure can be saved as."""

_PIXELS_PER_POINT = 3
"""Of a PNG: about 220 per inch at the width of a page."""


def chart(figure: Figure) -> "alt.typing.ChartType":
    """Return a figure as an Altair chart.

    Raises:
        UsageError: The packages of the extra ``report`` are not installed.
    """
    needs_report_extra("A chart")
    import altair

    found: alt.typing.ChartType = altair.Chart.from_dict(on_paper(figure))
    return found


def check_kind(file: Path) -> None:
    """Check that a figure can be saved as *file*.

    Raises:
        UsageError: Its ending is none of `KINDS`.
    """
    if file.suffix.lower() not in KINDS:
        raise UsageError(
            f"A figure cannot be saved as {file.name!r}. End its name with one of: "
            f"{', '.join(KINDS)}."
        )


def save(figure: Figure, file: Path) -> None:
    """Save a figure as SVG, PNG or PDF, by the ending of *file*.

    Raises:
        UsageError: It has another ending, or the packages of the extra ``report`` are
            not installed.
        ResultsError: It cannot be written.
    """
    check_kind(file)
    content = drawn(figure, file.suffix.lower())
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_bytes(content)
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ResultsError(cannot_write(file, error)) from error


def drawn(figure: Figure, kind: str) -> bytes:
    """Return a figure as the bytes of a file of one of `KINDS`.

    Raises:
        UsageError: The packages of the extra ``report`` are not installed.
    """
    needs_report_extra("A figure")
    import vl_convert

    spec = on_paper(figure)
    if kind == ".svg":
        return vl_convert.vegalite_to_svg(spec).encode()
    if kind == ".png":
        return vl_convert.vegalite_to_png(spec, scale=_PIXELS_PER_POINT)
    return vl_convert.vegalite_to_pdf(spec)
