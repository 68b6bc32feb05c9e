"""Folders for temporary files, which outlive no process for long.

Each is locked by the process that made it. So the next process can tell the folders of
dead ones, and removes them.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchbox.errors import ResultsError
from benchbox.records.files import remove_tree
from benchbox.records.locks import left_behind, locked

_PREFIX = "benchbox-scratch-"

_UNBORN = ".benchbox-unborn-"
"""Prefix of a folder that is not locked yet; it is empty."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Provide a temporary folder, which is removed at the end.

    Raises:
        ResultsError: It cannot be made.
    """
    try:
        made = Path(tempfile.mkdtemp(prefix=_UNBORN))
    except OSError as error:
        raise ResultsError(
            f"There is no space for temporary files: {error}. Free some, or set "
            f"TMPDIR to a folder that has it."
        ) from None
    with locked(made):
        # Under its name it is locked from the start.
        folder = made.rename(made.with_name(_PREFIX + made.name.removeprefix(_UNBORN)))
        try:
            yield folder
        finally:
            remove_tree(folder)


def remove_stale_scratch() -> None:
    """Remove the temporary folders of processes that died, as far as possible."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with left_behind(folder) as is_stale:
            if is_stale:
                remove_tree(folder)
