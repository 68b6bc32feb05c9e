"""Renders the publications behind the tables as entries of BibTeX."""

import re

from benchbox.records import RunRecord
from benchbox.reports.citations import Cited
from benchbox.reports.latex_text import escape
from benchbox.reports.leaderboard import Leaderboard, sources

_DOI = re.compile(r"10\.\d{4,9}/[^\s,;]+[^\s,;.]")
_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://[^\s{}]+")

_HEAD = """\
% The keys of table.tex. Cards and models name their publications by reference, DOI or
% address only: replace an entry by that of your own bibliography if you have one.
"""


def render(run: RunRecord, boards: list[Leaderboard]) -> str:
    """Return an entry for benchbox and one for each publication, each key once."""
    entries = {"benchbox": _own(run)}
    for source in (source for board in boards for source in sources(board)):
        entries[source.key] = _entry(source)
    return "\n".join([_HEAD, *entries.values()])


def _own(run: RunRecord) -> str:
    version, ran = escape(run.environment.benchbox), escape(run.id)
    return (
        f"@misc{{benchbox,\n  key = {{benchbox}},\n  title = {{benchbox {version}: "
        f"benchmarks of rating-prediction models}},\n  note = {{Run {ran}}}\n}}\n"
    )


def _entry(source: Cited) -> str:
    fields = {
        "key": source.key,
        "title": f"Source of {', '.join(source.names)}",
        "note": source.text,
    }
    lines = [f"  {name} = {{{escape(text)}}}" for name, text in fields.items()]
    # These are not printed as text, so nothing is escaped in them.
    for name, pattern in (("doi", _DOI), ("eprint", _ARXIV), ("url", _ADDRESS)):
        if (found := pattern.search(source.text)) and "{" not in found[0]:
            lines.append(f"  {name} = {{{found[found.re.groups]}}}")
    return f"@misc{{{source.key},\n" + ",\n".join(lines) + "\n}\n"
