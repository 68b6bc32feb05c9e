"""Ties a saved model to the source it was fitted with: finds it, and sees changes."""

from pathlib import Path

import msgspec

from benchbox.errors import UsageError
from benchbox.records import PlannedModel
from benchbox.targets import source_digest


def beside(model: PlannedModel, folder: Path) -> PlannedModel:
    """Return *model* with its file in the folder that holds *folder*, if it is there.

    A model of a file is saved with the file's path. If that file is gone, both were
    moved: the file is then looked for beside the saved model. If both were copied, the
    copy counts where it alone is as it was at the fit.

    Args:
        model: Model of a record.
        folder: Folder of the saved model.
    """
    file, _, name = model.target.rpartition(":")
    found = folder.resolve().parent / Path(file).name
    if not file.endswith(".py") or not found.is_file():
        return model
    target = f"{found}:{name}"
    if Path(file).is_file() and not (
        source_digest(target) == model.source_digest != source_digest(model.target)
    ):
        return model
    kind = model.options_type
    if kind.startswith(f"{file}:"):
        kind = f"{found}{kind.removeprefix(file)}"
    return msgspec.structs.replace(model, target=target, options_type=kind)


def doubt_about(model: PlannedModel, *, may_differ: bool) -> str:
    """Return in words that a model's source has changed; empty if it has not.

    Args:
        model: Model of a record, with the place of its source.
        may_differ: Whether the user accepts a file that was changed.

    Raises:
        UsageError: The model's file is gone, or was changed and must not be.
    """
    file, _, name = model.target.rpartition(":")
    is_file = file.endswith(".py")
    if is_file and not Path(file).is_file():
        raise UsageError(
            f"The file of the model, {file}, is gone. Put it there or beside the "
            f"folder of the model, or name it with --code; its name must be "
            f"{Path(file).name}, as it was."
        )
    # Hashes of members, if it has any, follow its own.
    own = model.source_digest.partition("+")[0]
    if not own or source_digest(model.target) == own:
        return ""
    if not is_file:
        return (
            f"the package of {model.name} has changed since this model was fitted, so "
            f"it may predict otherwise"
        )
    changed = (
        f"{file}, or a file it imports, has changed since {name} was fitted, so it may "
        f"predict otherwise"
    )
    if not may_differ:
        raise UsageError(
            f"{changed}. Fit the model again, undo the change, or add --trust to use "
            f"it as it is."
        )
    return changed
