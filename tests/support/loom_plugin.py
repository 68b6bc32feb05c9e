"""A plugin with what benchbox asks of the device of `loom_backend`, and its package."""

from pathlib import Path

from benchbox import hookimpl
from benchbox.machine import AcceleratorSpec, TorchAccelerator

ENTRY_POINTS = f"""
[benchbox]
loom = {__name__}
[torch.backends]
loom = tests.support.loom_backend:register
"""


class Loom(TorchAccelerator):
    """A device of the backend ``loom``."""

    kind = "loom"

    def synchronize(self) -> None:
        import torch

        # A backend in Python cannot tell torch.accelerator how to wait.
        torch.get_device_module(self.kind).synchronize()


@hookimpl
def benchbox_accelerators() -> list[AcceleratorSpec]:
    return [
        AcceleratorSpec(
            name=Loom.kind, summary="host memory", target=f"{__name__}:Loom"
        )
    ]


def plant_loom(folder: Path) -> None:
    """Install the backend and its plugin into *folder*, as an installer would."""
    info = folder / "acme_loom-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: acme-loom\nVersion: 1.0\n"
    )
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
