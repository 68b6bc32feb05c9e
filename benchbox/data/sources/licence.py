"""Licence: the terms of a data set, and what they ask before a download."""

import os

import msgspec

from benchbox.errors import SourceError


class Licence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The terms of a data set.

    Attributes:
        text: What may be done with it, in a sentence.
        redistributable: Whether copies may be passed on.
        acceptance_needed: Whether it is downloaded only after an explicit yes.
        url: Where the terms are in full.
    """

    text: str
    redistributable: bool = False
    acceptance_needed: bool = False
    url: str = ""


def check_accepted(dataset: str, licence: Licence) -> None:
    """Refuse a download that needs a yes the user has not given.

    Raises:
        SourceError: It does; says how to give it.
    """
    accepted = os.environ.get("BENCHBOX_ACCEPT", "").split(",")
    if licence.acceptance_needed and dataset not in accepted:
        raise SourceError(
            f"Data set {dataset!r} is downloaded only if you accept its licence: "
            f"{licence.text} {licence.url} To accept, set BENCHBOX_ACCEPT={dataset}."
        )
