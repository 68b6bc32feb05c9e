"""Options of the ensembles."""

from typing import Annotated

from msgspec import Meta

from benchbox import Options


class BlendOptions(Options, frozen=True):
    """Options of ``blend``.

    Attributes:
        members: Models to blend, as in ``bayesian-mf+knn-item``. A member may have
            options, separated by semicolons: ``bias+knn-item:k=50;damping=1``.
        shrinkage: Number of validation ratings that the equal weighting of all members
            counts for, when weights are learned.
    """

    members: Annotated[str, Meta(min_length=1)] = (
        "bayesian-mf+autorec-user+knn-item+svdpp"
    )
    shrinkage: Annotated[float, Meta(gt=0)] = 50.0

    @property
    def fits_models(self) -> tuple[str, ...]:
        """The members, as on the command line."""
        return tuple(self.members.replace(";", ",").split("+"))
