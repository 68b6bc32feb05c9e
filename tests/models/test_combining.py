from benchbox import Capabilities
from benchbox.models import combined


def test_a_blend_can_what_all_of_its_members_can() -> None:
    able = Capabilities(inductive=True, devices=("cpu", "accelerator"))
    no_newcomers = Capabilities(inductive=False, uses_features=True, devices=("cpu",))
    deterministic = Capabilities(inductive=True, stochastic=False)

    found = combined(able, [deterministic, no_newcomers])

    assert not found.inductive
    assert found.uses_features
    assert found.stochastic
    assert found.devices == ("cpu",)
    assert not combined(able, [deterministic]).stochastic
