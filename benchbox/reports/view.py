"""What a user chose to see of a table: its columns, their order, and the decimals."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Columns, order and decimals of a table; by default all that it has.

    Attributes:
        columns: Names or headings of the columns, in the order to show; empty for all.
        sort: Name of the column to sort by: the best score, the least time or the first
            name on top. A ``-`` in front reverses the order. Empty for the best models
            first.
        decimals: Decimals of scores in units of the rating; a percentage has two fewer.
            `None` for four.
    """

    columns: Sequence[str] = ()
    sort: str = ""
    decimals: int | None = None

    @property
    def is_chosen(self) -> bool:
        """Whether anything differs from the default."""
        return bool(self.columns or self.sort) or self.decimals is not None


WHOLE = View()
"""All of a table, best models first."""
