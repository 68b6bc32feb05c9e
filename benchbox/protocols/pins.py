"""Pins: the fold ids that a data set's card states, and whether ours are the same."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from benchbox.data import Dataset
from benchbox.errors import DataError
from benchbox.options import changed, spell
from benchbox.protocols.folds import Fold, make_folds
from benchbox.protocols.partition import Protocol

_NONE: Mapping[str, str] = MappingProxyType({})


def pinned_ids(dataset: Dataset, folds: Sequence[Fold]) -> Mapping[str, str]:
    """Return the fold ids that the data set's card states for a recipe, by fold name.

    None are stated of a recipe the card does not know, or of a data set under other
    options than the published one.
    """
    if not dataset.as_published:
        return _NONE
    return dataset.card.expected_folds.get(_recipe(folds[0]), {})


def check_fold_ids(dataset: Dataset, folds: Sequence[Fold]) -> None:
    """Compare folds of one recipe with those the card expects.

    Raises:
        DataError: The ratings are not those the card speaks of, or a fold is not the
            one that others with this card have; says which of the two.
    """
    card, found = dataset.card, folds[0].data_id
    if dataset.as_published and card.data_id and found != card.data_id:
        raise DataError(
            f"The ratings of {card.name!r} are not those its card pins: they have id "
            f"{found}, expected {card.data_id}, so the data changed. Results cannot be "
            f"compared with others'; correct the files, or load them as your own."
        )
    for fold in folds:
        expected = pinned_ids(dataset, folds).get(fold.name, fold.id)
        if fold.id != expected:
            raise DataError(
                f"Fold {fold.name!r} of {_recipe(fold)!r} on {card.name!r} has id "
                f"{fold.id}, expected {expected}. The ratings are the same, so the "
                f"split changed: the protocol draws others, or its defaults are "
                f"others. Results cannot be compared with others'; report this."
            )


def fold_ids(
    dataset: Dataset, protocols: Sequence[Protocol]
) -> dict[str, dict[str, str]]:
    """Return the fold ids under default options, as a card's ``expected_folds``.

    Protocols that need what the data set lacks are left out.
    """
    ids = {}
    for protocol in protocols:
        if protocol.flaw or (protocol.name == "official" and not dataset.folds):
            continue
        if protocol.time_order and dataset.ratings.timestamps is None:
            continue
        folds = make_folds(dataset.ratings, protocol, protocol.options(), dataset.folds)
        ids[protocol.name] = {fold.name: fold.id for fold in folds}
    return ids


def _recipe(fold: Fold) -> str:
    return spell(fold.protocol.name, changed(fold.options))
