"""The libraries that draw charts: whether they are here, and their JavaScript."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from benchbox.data import cache_folder
from benchbox.errors import UsageError

REPORT_EXTRA = "pip install 'benchbox-recsys[report]'"
"""Command that installs what pages and figures need."""

_NEEDED = ("altair", "jinja2", "vl_convert")


def can_draw() -> bool:
    """Return whether the packages of the extra ``report`` are installed."""
    return all(find_spec(name) is not None for name in _NEEDED)


def needs_report_extra(what: str) -> None:
    """Check that the packages of the extra ``report`` are installed.

    Args:
        what: What needs them, to begin the message with.

    Raises:
        UsageError: They are not; the message says how to install them.
    """
    if not can_draw():
        missing = ", ".join(name for name in _NEEDED if find_spec(name) is None)
        raise UsageError(
            f"{what} needs packages that are not installed ({missing}): {REPORT_EXTRA}."
        )


@cache
def vega_script() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script for a page.

    vl-convert ships the libraries, but takes seconds to bundle them, so the bundle is
    kept in the cache of this machine.
    """
    file = _cached_file()
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        pass
    import vl_convert

    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace(
        "\r\n", "\n"
    )
    # Within an element of HTML, only this ends a script early.
    script = script.replace("</script", r"<\/script").replace("<!--", r"<\!--")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(script, encoding="utf-8", newline="\n")
        part.replace(file)
    except OSError:
        # Without a cache it only takes longer.
        pass
    return script


def _cached_file() -> Path:
    try:
        known = version("vl-convert-python")
    except PackageNotFoundError:
        known = "unknown"
    return cache_folder() / "report" / f"vega-{known}.js"
