"""Whether this process is confined."""

_confined: list[str] = []


def set_confined(by: str) -> None:
    """Note that this process is confined from now on, and by what."""
    _confined.append(by)


def is_confined() -> bool:
    """Return whether this process is confined."""
    return bool(_confined)
