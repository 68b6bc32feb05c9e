"""Licences of data sets, and their acceptance before a download."""

import os

import msgspec

from benchbox.errors import SourceError


class Licence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The licence of a data set.

    Attributes:
        text: One sentence on what is allowed.
        redistributable: Whether copies may be redistributed.
        acceptance_needed: Whether the user must accept it before a download.
        url: Address of the full text.
    """

    text: str
    redistributable: bool = False
    acceptance_needed: bool = False
    url: str = ""


def check_accepted(dataset: str, licence: Licence) -> None:
    """Refuse a download if the user has not accepted a licence that requires it.

    Raises:
        SourceError: The licence is not accepted; says how to accept it.
    """
    accepted = os.environ.get("BENCHBOX_ACCEPT", "").split(",")
    if licence.acceptance_needed and dataset not in accepted:
        raise SourceError(
            f"Data set {dataset!r} is downloaded only if you accept its licence: "
            f"{licence.text} {licence.url} To accept, set BENCHBOX_ACCEPT={dataset}."
        )
