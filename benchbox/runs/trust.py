"""Decides which code may run if a record names it.

The record of a run or of a saved model may come from somebody else. It names classes
and files, so loading everything it names could run anybody's code.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchbox.errors import UsageError, one_line
from benchbox.plugins import Registry
from benchbox.records import PlannedModel, RunConfig
from benchbox.targets import target_of

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

    def model(self, model: PlannedModel) -> PlannedModel:
        """Return the model of a record, after checking that its code may run.

        A file that the user names is taken in place of the one of the same name.

        Raises:
            UsageError: It is of no installed plugin, nor of a file that is trusted.
        """
        file, _, name = model.target.rpartition(":")
        if file.endswith(".py"):
            trusted = self._trusted(Path(file))
            kind = model.options_type.removeprefix(f"{file}:")
            if trusted is not None and (kind.isidentifier() or not kind):
                return msgspec.structs.replace(
                    model,
                    target=f"{trusted}:{name}",
                    options_type=kind and f"{trusted}:{kind}",
                )
        if not self.everything and not self._is_offered(model):
            raise UsageError(
                f"The record names the code {_named(model.target)!r}, which no "
                f"installed plugin offers as a model. {_remedy_of_model(file)}"
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


def _named(code: str) -> str:
    # A path to copy into a command: longer than other values in messages.
    return one_line(code, _MOST_NAMED)


def _remedy_of_model(file: str) -> str:
    # Only models may be in a file of the same name elsewhere.
    if not file.endswith(".py") or Path(file).is_file():
        return _remedy(file)
    return (
        f"That file is gone. If you trust a copy of it, name the copy with --code; it "
        f"must be called {_named(Path(file).name)}, too."
    )


def _remedy(file: str) -> str:
    if file.endswith(".py"):
        return (
            f"If you trust it, add --code {_named(file)}, or --trust for all "
            f"that the record names."
        )
    return "Install the plugin that does; or add --trust if you trust the record."
