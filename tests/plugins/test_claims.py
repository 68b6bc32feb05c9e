import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.errors import PluginError, UsageError
from benchbox.metrics import VARIANTS
from benchbox.options import decode, split_choice
from benchbox.plugins.claims import VARIANT, Claim, check, claims_from_toml, unchecked
from benchbox.plugins.registry import discover

CLAIM = Claim(
    name="toy",
    summary="a toy's figure",
    dataset="toy",
    protocol="holdout",
    model="bias",
    published={"rmse": 0.944, "mae": 0.748},
    tolerance=0.003,
    definition="of toys",
    source="nowhere",
    status="seen",
)
EXPLAINED = Claim(
    **{name: getattr(CLAIM, name) for name in Claim.__struct_fields__}
    | {"explanation": "another toy"}
)


@given(ours=st.floats(0, 5))
def test_a_figure_agrees_within_its_tolerance_and_no_further(ours: float) -> None:
    (rmse, _) = check(CLAIM, {"rmse": ours, "mae": 0.0})

    assert rmse.difference == ours - 0.944
    near = np.isclose(abs(ours - 0.944), 0.003)
    assert near or (rmse.verdict == "agrees") == (abs(ours - 0.944) < 0.003)


def test_a_tolerance_is_kept_to_the_last_digit() -> None:
    assert [c.verdict for c in check(CLAIM, {"rmse": 0.947, "mae": 0.745})] == [
        "agrees",
        "agrees",
    ]


def test_a_difference_is_explained_or_it_differs() -> None:
    far = {"rmse": 1.0, "mae": 0.748}

    assert [c.verdict for c in check(CLAIM, far)] == ["differs", "agrees"]
    assert [c.verdict for c in check(EXPLAINED, far)] == ["explained", "agrees"]


def test_what_could_not_be_computed_is_said() -> None:
    (rmse, mae) = check(CLAIM, {"mae": 0.748})
    (absent, _) = unchecked(CLAIM, "the file is not here")

    assert (rmse.verdict, mae.verdict) == ("failed", "agrees")
    assert rmse.difference is None
    assert (absent.verdict, absent.reason) == ("no data", "the file is not here")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("claims = 3", "Expected `array`"),
        ('[[claims]]\nname = "x"', "missing required field"),
        ("[[claim]]", "unknown field `claim`"),
        ("=", "is not a valid file of claims"),
    ],
)
def test_a_file_without_claims_is_one_line(text, said, tmp_path) -> None:
    (tmp_path / "toys.toml").write_text(text)

    with pytest.raises(
        PluginError, match=f"toys.toml is not a valid file of claims: .*{said}|{said}"
    ):
        claims_from_toml(tmp_path / "toys.toml")


BUNDLED = [offer.value for offer in discover().all("claims")]


@pytest.mark.parametrize("claim", BUNDLED, ids=lambda claim: claim.name)
def test_every_installed_claim_names_what_there_is(claim: Claim) -> None:
    registry = discover()
    metrics = {offer.value.name for offer in registry.all("metrics")}
    name, settings = split_choice(claim.model)
    spec = registry.find("models", name).value
    preset = dict(spec.presets[settings.pop("preset")]) if "preset" in settings else {}
    decode(spec.options, preset | settings, name)
    card = registry.find("datasets", split_choice(claim.dataset)[0]).value
    protocol_name, options = split_choice(claim.protocol)
    protocol = registry.find("protocols", protocol_name).value
    decode(protocol.options, options, protocol_name)

    assert card
    assert set(claim.published) <= metrics | {f"{VARIANT}{v.name}" for v in VARIANTS}
    assert claim.tolerance > 0


def test_claims_on_ml_100k_are_many_and_named_once() -> None:
    mine = [claim for claim in BUNDLED if claim.dataset == "ml-100k"]

    assert sum(len(claim.published) for claim in mine) >= 12
    assert len({claim.name for claim in BUNDLED}) == len(BUNDLED)


def test_an_unknown_model_in_a_claim_would_be_noticed() -> None:
    with pytest.raises(UsageError):
        discover().find("models", "no-such-model")
