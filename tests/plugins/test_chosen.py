import msgspec
import pytest

from benchbox.errors import UsageError
from benchbox.plugins import choose_model, discover

REGISTRY = discover()


def test_options_of_a_member_reach_it() -> None:
    members = "bias:user_damping=7;item_damping=3+item-mean"

    chosen = choose_model(f"blend:members={members}", REGISTRY)

    bias, mean = chosen.members
    assert msgspec.structs.asdict(bias.options)["user_damping"] == 7
    assert (bias.spec.name, mean.spec.name) == ("bias", "item-mean")


def test_a_preset_is_filled_in_and_named_among_the_changes() -> None:
    chosen = choose_model("svd:preset=zero,n_factors=4", REGISTRY)

    options = msgspec.structs.asdict(chosen.options)
    assert (options["fill"], options["n_factors"]) == ("zero", 4)
    assert dict(chosen.changed) == {"preset": "zero", "n_factors": 4}


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ("bias+biass", "No model named 'biass'. Did you mean 'bias'?"),
        ("bias+blend", "has members itself"),
        ("bias:epochs=3", "bias has no option 'epochs'"),
        ("bias+", "No model named ''"),
    ],
)
def test_a_member_that_cannot_be_is_refused_in_one_line(members, says) -> None:
    with pytest.raises(UsageError) as caught:
        choose_model(f"blend:members={members}", REGISTRY)

    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_source_of_a_blend_is_that_of_its_members_too() -> None:
    one, other = (
        choose_model(f"blend:members={member}", REGISTRY).source_digest
        for member in ("bias", "slope-one")
    )

    assert one != other
    assert one.partition("+")[0] == other.partition("+")[0]
