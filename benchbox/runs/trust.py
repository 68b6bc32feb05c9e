"""Decides which code may run if a record names it.

The record of a run or of a saved model may come from somebody else. It names classes
and files, so loading everything it names could run anybody's code.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchbox.errors import ModelError, UsageError, one_line
from benchbox.plugins import Registry
from benchbox.records import PlannedModel, RunConfig
from benchbox.targets import file_of, source_digest, target_of

MODEL_FILE = re.compile(
    r"(?P<file>.+\.py):(?P<name>\w+)(:(?P<settings>.*))?", re.DOTALL
)
"""A model in a file, as on the command line."""


_MOST_NAMED = 1_000
"""Characters at most of the name of some code in a message."""


def model_files(config: RunConfig) -> list[str]:
    """Return the files with models that the settings of a run name, each once."""
    found = [MODEL_FILE.fullmatch(text) for text in _choices(config)]
    return list(dict.fromkeys(one["file"] for one in found if one is not None))


def _choices(config: RunConfig) -> list[str]:
    return [*config.models, *(m for case in config.cases for m in case.models)]


@dataclass(frozen=True, slots=True)
class Trust:
    """What a user trusts when a record names it.

    Attributes:
        registry: The plugins; they are trusted, as they were installed.
        files: Files with models that the user names.
        everything: Whether the user trusts whatever the record names.
    """

    registry: Registry
    files: tuple[Path, ...] = ()
    everything: bool = False

    def model(self, model: PlannedModel, folder: Path) -> PlannedModel:
        """Return the model of a record, after checking that its code may run.

        A file that the user names is taken in place of the one of the same name, and
        one beside the folder in place of one that is gone: they have moved together.

        Args:
            model: The model, as recorded.
            folder: Folder of the record.

        Raises:
            UsageError: It is of no installed plugin, nor of a file that is trusted, or
                that file is gone.
        """
        place = None
        if (file := file_of(model.target)) is not None:
            place = _moved_with(file, folder, model.source_digest)
            if (found := self._from_file(model, place)) is not None:
                return found
        if not self.everything and not self._is_offered(model):
            gone = _gone(folder) if place and not place.is_file() else ""
            raise UsageError(
                f"The record names the code {_named(model.target)!r}, which no "
                f"installed plugin offers as a model. {gone}{_remedy(str(place or ''))}"
            )
        if place is not None and not place.is_file():
            raise UsageError(
                f"The model is {_named(model.target)!r}. {_gone(folder)}Or name "
                f"it where it is now: --code FOLDER/{_named(place.name)}"
            )
        return model

    def config(self, config: RunConfig) -> RunConfig:
        """Return the settings of a record, after checking the files they name.

        Raises:
            UsageError: They name a file with a model that is not trusted.
        """
        named = {file.resolve() for file in self.files}
        for file in model_files(config):
            if not self.everything and Path(file).resolve() not in named:
                raise UsageError(
                    f"The record names the code {_named(file)!r}. {_remedy(file)}"
                )
        return config

    def _from_file(self, model: PlannedModel, place: Path) -> PlannedModel | None:
        """Return *model* with the file that the user trusts for *place*, if any."""
        file, _, name = model.target.rpartition(":")
        kind = model.options_type.removeprefix(f"{file}:")
        trusted = self._trusted(place)
        if trusted is None or not trusted.is_file():
            return None
        if kind and not kind.isidentifier():
            return None
        return msgspec.structs.replace(
            model,
            target=f"{trusted}:{name}",
            options_type=kind and f"{trusted}:{kind}",
        )

    def _trusted(self, file: Path) -> Path | None:
        """Return the file that the user trusts for *file*, if any."""
        if self.everything:
            return file
        for named in self.files:
            if named.resolve() == file.resolve():
                return named.resolve()
        same_name = [named.resolve() for named in self.files if named.name == file.name]
        return same_name[0] if len(same_name) == 1 else None

    def _is_offered(self, model: PlannedModel) -> bool:
        offers = self.registry.offers["models"].values()
        specs = [offer.value for found in offers for offer in found]
        return any(
            spec.target == model.target
            and target_of(spec.options) == model.options_type
            for spec in specs
        )


def other_source(model: PlannedModel) -> str:
    """Return a line if a package has other code than *model* was fitted with.

    Raises:
        ModelError: A file of the user's own, or one it imports, has changed since.
    """
    if source_digest(model.target) == model.source_digest:
        return ""
    if (file := file_of(model.target)) is not None:
        raise ModelError(
            f"{str(file)!r}, or a file it imports, has changed since {model.label} was "
            f"fitted, so it may predict otherwise. Undo the change, or fit it again."
        )
    return (
        f"{model.label} was fitted with other code of {model.package} than is "
        f"installed, so it may predict otherwise. Fit it again to be sure."
    )


def _moved_with(file: Path, folder: Path, digest: str) -> Path:
    """Return where a recorded file is now: in its place, or beside the record's folder.

    Of several, that is the one whose source is still that of the record.
    """
    beside = folder.absolute().parent / file.name
    found = [place for place in (file, beside) if place.is_file()]
    same = [place for place in found if source_digest(f"{place}:") == digest]
    return next(iter([*same, *found]), file)


def _gone(folder: Path) -> str:
    where = one_line(str(folder), _MOST_NAMED)
    return f"This file is gone: put it back, or beside {where!r}. "


def _named(code: str) -> str:
    # A path to copy into a command: longer than other values in messages.
    return one_line(code, _MOST_NAMED)


def _remedy(file: str) -> str:
    if file.endswith(".py"):
        return (
            f"If you trust it, add --code {_named(file)}, or --trust for all "
            f"that the record names."
        )
    return "Install the plugin that does; or add --trust if you trust the record."
