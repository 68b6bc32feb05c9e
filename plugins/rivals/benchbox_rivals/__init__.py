"""Models of other libraries, the figures those publish, and the splits they are on."""

from pathlib import Path

from benchbox import ModelSpec, Protocol, hookimpl
from benchbox.plugins import Claim, Suite, claims_from_toml, suite_from_toml
from benchbox_rivals import cornac, lenskit, myfm, river, smurff, surprise
from benchbox_rivals.splits import PROTOCOLS


@hookimpl
def benchbox_models() -> list[ModelSpec]:
    """Offer every rating model of these libraries, installed or not."""
    libraries = (surprise, cornac, lenskit, myfm, smurff, river)
    return [spec for library in libraries for spec in library.SPECS]


@hookimpl
def benchbox_protocols() -> tuple[Protocol, ...]:
    """Offer the random splits that these libraries draw, to the last rating."""
    return PROTOCOLS


@hookimpl
def benchbox_claims() -> tuple[Claim, ...]:
    """Return the figures that these libraries publish, from ``claims/``."""
    files = sorted((Path(__file__).parent / "claims").glob("*.toml"))
    return tuple(claim for file in files for claim in claims_from_toml(file))


@hookimpl
def benchbox_suites() -> list[Suite]:
    """Return the suites in ``suites/``."""
    folder = Path(__file__).parent / "suites"
    return [suite_from_toml(file) for file in sorted(folder.glob("*.toml"))]
