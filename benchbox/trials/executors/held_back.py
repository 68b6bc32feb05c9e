"""Keeps a trial's ratings from it until its model is built and prepared."""

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from benchbox.records import TrialJob, Visible, new_folder, remove_tree

_FOLDERS = ("train", "history", "validation", "validation_history", "refit")
"""Fields of a job, and of `Visible`, that name folders of ratings."""


class HeldBack:
    """The ratings of one trial; use it as a context manager.

    Code of a model runs while it is imported, built and prepared. It may read the
    folder *asked* of its job from the beginning, and nothing else of the fold. So links
    to the ratings lie elsewhere, and are moved there once the model is ready.

    Attributes:
        job: The job as the trial may know it.

    Args:
        job: The job. Its ratings are not held back if it names no folder *asked*, or if
            the file system has no links.
    """

    def __init__(self, job: TrialJob) -> None:
        named = {name: getattr(job, name) for name in _FOLDERS}
        self.job = job
        self._visible = Visible(**named)
        self._links: Path | None = None
        if job.asked:
            with suppress(OSError):
                self._hold_back({name: path for name, path in named.items() if path})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._links is not None:
            remove_tree(self._links)

    def show(self) -> Visible:
        """Let the trial read its ratings, and return where they are.

        Raises:
            OSError: They cannot be moved to where it may read.
        """
        if self._links is None:
            return self._visible
        moved = Path(self.job.asked, self._links.name)
        self._links.rename(moved)
        places = {
            name: str(moved / path)
            for name, path in msgspec.structs.asdict(self._visible).items()
            if path
        }
        self._links = moved
        return msgspec.structs.replace(self._visible, **places)

    def _hold_back(self, named: dict[str, str]) -> None:
        links = new_folder(Path(self.job.asked).parent)
        numbers = {path: str(n) for n, path in enumerate(dict.fromkeys(named.values()))}
        try:
            for path, number in numbers.items():
                _link_all(Path(path), links / number)
        except OSError:
            remove_tree(links)
            raise
        self._links = links
        self._visible = msgspec.structs.replace(
            self._visible, **{name: numbers[path] for name, path in named.items()}
        )
        optional = dict.fromkeys(_FOLDERS[2:])
        self.job = msgspec.structs.replace(self.job, train="", history="", **optional)


def _link_all(folder: Path, there: Path) -> None:
    there.mkdir()
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _link_all(Path(entry.path), there / entry.name)
            else:
                os.link(entry.path, there / entry.name, follow_symlinks=False)
