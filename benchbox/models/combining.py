"""What a model can do that is made of other models."""

from collections.abc import Sequence

import msgspec

from benchbox.models.contract import Capabilities

_ALL = ("inductive", "handles_cold_users", "handles_cold_items")
"""What it can do if all of its members can."""

_ANY = ("uses_features", "uses_timestamps", "uses_question_times", "stochastic")
"""What is true of it if it is true of one of its members."""


def combined(can: Capabilities, members: Sequence[Capabilities]) -> Capabilities:
    """Return the capabilities *can* of a model as far as its *members* have them."""
    if not members:
        return can
    every = {
        name: all(getattr(each, name) for each in (can, *members)) for name in _ALL
    }
    some = {name: any(getattr(each, name) for each in members) for name in _ANY}
    kinds = (can.devices, *(member.devices for member in members))
    devices = tuple(one for one in kinds[0] if all(_runs(one, kind) for kind in kinds))
    return msgspec.structs.replace(can, **every, **some, devices=devices)


def _runs(device: str, kinds: tuple[str, ...]) -> bool:
    return device in kinds or (device != "cpu" and "accelerator" in kinds)
