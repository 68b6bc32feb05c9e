"""The folder of all runs: finds, measures and removes them."""

import os
import re
from contextlib import suppress
from pathlib import Path
from time import time

from benchbox.errors import ResultsError, cannot_write
from benchbox.records.files import remove_tree
from benchbox.records.locks import left_behind, locked, running

_UNBORN_SECONDS = 60.0

_RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
"""What `new_run_id` returns."""


def run_paths(parent: Path) -> list[Path]:
    """Return the folders of the runs in *parent*, oldest first.

    Those with names of their own, such as merged runs, come before the others.
    """
    found = (p.parent for p in parent.glob("*/run.json"))
    shown = (path for path in found if not path.name.startswith("."))
    return sorted(shown, key=lambda path: (is_run_id(path.name), path.name))


def is_run_id(name: str) -> bool:
    """Return whether a folder may be that of a run that was not named by the user."""
    return _RUN_ID.fullmatch(name) is not None


def stored_bytes(folder: Path) -> int:
    """Return the size of all files in *folder*, in bytes; links are not followed."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(where, name)).st_size
    return total


def delete_run(folder: Path) -> None:
    """Delete a run with all its files.

    Raises:
        ResultsError: It is being carried out, or cannot be deleted.
    """
    try:
        with locked(folder):
            # Nobody takes a half-deleted folder for a run.
            doomed = folder.rename(folder.with_name(f".{folder.name}.deleted"))
            remove_tree(doomed)
    except BlockingIOError:
        raise running(folder) from None
    except OSError as error:
        raise ResultsError(cannot_write(folder, error)) from error
    if doomed.exists():
        raise ResultsError(f"{doomed} could not be deleted entirely. Delete the rest.")


def remove_unborn(parent: Path) -> None:
    """Remove what killed processes left in *parent* in place of a run.

    That is the folders of runs that have no file yet, and the remains of runs that were
    deleted.
    """
    with suppress(OSError):
        for folder in parent.iterdir():
            with left_behind(folder) as is_stale:
                if is_stale and (_is_unborn(folder) or _is_half_deleted(folder)):
                    remove_tree(folder)


def _is_unborn(folder: Path) -> bool:
    # A younger one may be another process's, which has not locked it yet.
    is_old = time() - folder.stat().st_mtime > _UNBORN_SECONDS
    n_files = sum(len(names) for _, _, names in os.walk(folder))
    return is_old and is_run_id(folder.name) and not n_files


def _is_half_deleted(folder: Path) -> bool:
    return is_run_id(folder.name.removeprefix(".").removesuffix(".deleted")) and (
        folder.name.startswith(".")
    )
