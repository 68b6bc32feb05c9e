"""Pinned fold ids: those that a data set's card states, and the check against them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

from benchbox.data import FOLD_FORMAT, Dataset
from benchbox.errors import DataError, ProtocolError
from benchbox.options import changed, spell
from benchbox.protocols.folds import Fold, make_folds
from benchbox.protocols.partition import Protocol

_NONE: Mapping[str, str] = MappingProxyType({})


def pinned_ids(dataset: Dataset, folds: Sequence[Fold]) -> Mapping[str, str]:
    """Return the fold ids that the card states for the protocol of *folds*, by name.

    The result is empty if the card does not pin this protocol with these options, or
    if the data set was loaded with other options than the published ones.
    """
    if not dataset.as_published:
        return _NONE
    return dataset.card.expected_folds.get(_recipe(folds[0]), {})


def check_fold_ids(dataset: Dataset, folds: Sequence[Fold]) -> None:
    """Compare the folds of one protocol with the ids in the data set's card.

    Raises:
        DataError: The ratings or a fold differ from what the card pins; the message
            says which.
    """
    card, found = dataset.card, folds[0].data_id
    if dataset.as_published and card.data_id and found != card.data_id:
        raise DataError(
            f"The ratings of {card.name!r} differ from those pinned by its card: their "
            f"id is {found}, expected {card.data_id}. So the data changed, and results "
            f"cannot be compared with those of others. Restore the original files, or "
            f"load these as your own data set."
        )
    for fold in folds:
        expected = pinned_ids(dataset, folds).get(fold.name, fold.id)
        if fold.id == expected:
            continue
        if why := older_rule(card.fold_format):
            raise DataError(
                f"Fold {fold.name!r} of {_recipe(fold)!r} on {card.name!r} has id "
                f"{fold.id}, but its card pins {expected}: {why}. Update the package "
                f"of {card.name!r}, or compute expected_folds again and set "
                f"fold_format = {FOLD_FORMAT}."
            )
        raise DataError(
            f"Fold {fold.name!r} of {_recipe(fold)!r} on {card.name!r} has id "
            f"{fold.id}, expected {expected}. The ratings are the same, so the "
            f"protocol or its default options changed, and results cannot be "
            f"compared with those of others. Please report this."
        )


def older_rule(fold_format: int) -> str:
    """Return why drawn folds of an older format differ from today's; empty if current.

    Args:
        fold_format: `benchbox.data.FOLD_FORMAT` when the folds were made.
    """
    if fold_format >= FOLD_FORMAT:
        return ""
    return (
        f"its folds were drawn by an older rule (fold format {fold_format}; now "
        f"{FOLD_FORMAT}), under which data simulated with the same seed could decide "
        f"what is hidden"
    )


def fold_ids(
    dataset: Dataset, protocols: Sequence[Protocol]
) -> dict[str, dict[str, str]]:
    """Return fold ids by protocol and fold name, as in a card's ``expected_folds``.

    Protocols have their default options. Flawed ones are left out, and so are those
    that cannot split the data set, as it has no folds of its own, no timestamps, or
    too few ratings.
    """
    ids = {}
    for protocol in protocols:
        if protocol.flaw:
            continue
        with suppress(ProtocolError):
            folds = make_folds(
                dataset.ratings,
                protocol,
                protocol.options(),
                dataset.folds,
                dataset.validation,
            )
            ids[protocol.name] = {fold.name: fold.id for fold in folds}
    return ids


def _recipe(fold: Fold) -> str:
    return spell(fold.protocol.name, changed(fold.options))
