"""Packages planted in a folder on the path, as if an installer had put them there."""

from pathlib import Path


def plant(folder: Path, name: str, code: str, version: str = "1.2") -> Path:
    """Install a one-module plugin called *name* into *folder*; return its module."""
    module = name.replace("-", "_")
    info = folder / f"{module}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )
    (info / "entry_points.txt").write_text(f"[benchbox]\n{name} = {module}\n")
    file = folder / f"{module}.py"
    file.write_text(code)
    return file


MODEL = """
import numpy as np

from benchbox import Capabilities, ModelSpec, hookimpl


class Model:
    def __init__(self, options):
        pass

    def fit(self, train, context):
        self.mean = train.values.mean()

    def predict(self, history, users, items):
        return np.full(len(users), self.mean)


@hookimpl
def benchbox_models():
    return [
        ModelSpec(
            name="{name}",
            target="{module}:Model",
            summary="a planted model",
            capabilities=Capabilities(stochastic=False, inductive=True),
        )
    ]
"""


def plant_model(folder: Path, package: str, name: str, more: str = "") -> Path:
    """Install a package with one honest model called *name*."""
    code = MODEL.replace("{name}", name).replace("{module}", package.replace("-", "_"))
    return plant(folder, package, code + more)


DATASET = """
from pathlib import Path

from benchbox import DatasetCard, hookimpl


@hookimpl
def benchbox_datasets():
    return [DatasetCard.from_toml(Path(__file__).with_suffix(".toml"))]
"""


def plant_dataset(folder: Path, package: str, card: str) -> Path:
    """Install a package with one data set, whose card is the TOML text *card*."""
    file = plant(folder, package, DATASET)
    file.with_suffix(".toml").write_text(card)
    return file


HOOK = "from benchbox import hookimpl\n@hookimpl\n"

BROKEN = {
    "acme-absent": "import no_such_module_anywhere\n",
    "acme-misspelt": f"{HOOK}def benchbox_model(): return []\n",
    "acme-signature": f"{HOOK}def benchbox_models(surprise): return []\n",
    "acme-raising": f"{HOOK}def benchbox_models(): raise RuntimeError('no licence')\n",
    "acme-future": f"{HOOK}def benchbox_models(): return []\nbenchbox_api = 2\n",
}
"""Five plugins that are broken, each in its own way."""

CAUSES = {
    "acme-absent": "ModuleNotFoundError: No module named 'no_such_module_anywhere'",
    "acme-misspelt": "'benchbox_model' that does not exist. Did you mean",
    "acme-signature": "surprise",
    "acme-raising": "fails in its hook benchbox_models: RuntimeError: no licence",
    "acme-future": "needs plugin API 2, but this benchbox has 1",
}
"""What must be said of each."""


def plant_broken(folder: Path) -> None:
    """Install all five."""
    for name, code in BROKEN.items():
        plant(folder, name, code)
