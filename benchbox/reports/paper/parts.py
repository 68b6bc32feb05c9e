"""Parts of a paper's appendix, as Markdown and as LaTeX."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from benchbox.reports.latex_text import pieces
from benchbox.reports.markdown import plain
from benchbox.reports.pipes import pipe_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A table of words under a heading.

    Attributes:
        title: Its heading.
        headings: Heading of each column.
        rows: Cells of each row.
        notes: Sentences below the table.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


def in_markdown(parts: Sequence[Part]) -> str:
    """Return the parts as Markdown."""
    return "\n".join("".join(_markdown(part)) for part in parts)


def in_latex(parts: Sequence[Part]) -> str:
    """Return the parts as LaTeX, in tables of booktabs that may be long."""
    head = "% needs \\usepackage{booktabs,longtable,array}\n"
    return head + "\n".join("".join(_latex(part)) for part in parts)


PAPER_FORMATS: Mapping[str, Callable[[Sequence[Part]], str]] = {
    "markdown": in_markdown,
    "latex": in_latex,
}
"""Writer of each format; the first is the default."""


def _markdown(part: Part) -> Iterator[str]:
    yield f"### {plain(part.title)}\n"
    if part.rows:
        cells = [[plain(_line(cell)) for cell in row] for row in part.rows]
        table = pipe_table(part.headings, cells, n_words=len(part.headings))
        yield f"\n{table}\n"
    yield from (f"\n{plain(_line(note))}\n" for note in part.notes)


def _latex(part: Part) -> Iterator[str]:
    yield f"\\subsection*{{{pieces(part.title)}}}\n"
    if part.rows:
        columns = "".join(
            f">{{\\raggedright\\arraybackslash}}p{{{share:.3f}\\linewidth}}"
            for share in _shares(part)
        )
        yield "{\\footnotesize\\setlength{\\tabcolsep}{3pt}\n"
        yield f"\\begin{{longtable}}{{{columns}}}\n\\toprule\n"
        yield f"{_row(part.headings)}\\midrule\n\\endhead\n"
        yield from map(_row, part.rows)
        yield "\\bottomrule\n\\end{longtable}}\n"
    yield from (f"\n{pieces(_line(note))}\n" for note in part.notes)


_LONG_WORD = 13
"""Characters of a word in a cell that is not broken."""

_SIGN = 0.0135
"""Width of a character as a share of the line, in an article of LaTeX's own."""

_GAP = 0.0175
"""Width of the space between two columns."""


def _row(cells: Sequence[str]) -> str:
    return " & ".join(pieces(_line(cell), _LONG_WORD) for cell in cells) + " \\\\\n"


def _shares(part: Part) -> list[float]:
    """Return the width of each column as a share of the line.

    Each has room for its longest word; the rest goes to those with most to say.
    """
    columns = list(zip(part.headings, *part.rows, strict=True))
    least = [_SIGN * max(map(_longest_word, column)) for column in columns]
    wanted = [sqrt(max(map(len, column))) for column in columns]
    room = max(0.0, 1 - _GAP * len(columns) - sum(least))
    # A column needs no more than its longest cell.
    most = [_SIGN * max(map(len, column)) for column in columns]
    return [
        min(low + room * want / sum(wanted), max(high, low))
        for low, want, high in zip(least, wanted, most, strict=True)
    ]


def _longest_word(cell: str) -> int:
    return max((min(len(word), _LONG_WORD) for word in cell.split()), default=1)


def _line(text: str) -> str:
    return " ".join(text.split())
