"""What a model predicts is the same, to the last byte, confined or not."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchbox.cli import main
from benchbox.plugins.registry import discover
from benchbox.records.folder import RunFolder
from benchbox.trials.confinement import landlock, seccomp
from tests.support.commands import UNGUARDED, start_zygotes_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not landlock.version() or not seccomp.is_offered(),
        reason="this kernel cannot confine trials",
    ),
]

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "plugins" / "examples" / "benchbox-damped-mean"

OF_TORCH = """
import torch


class Factors(torch.nn.Module):
    def __init__(self, n_users, n_items):
        super().__init__()
        self.users = torch.nn.Embedding(n_users, 4)
        self.items = torch.nn.Embedding(n_items, 4)

    def forward(self, users, items):
        return 3 + (self.users(users) * self.items(items)).sum(1)


class OfTorch:
    def fit(self, train, context):
        torch.manual_seed(context.seed)
        self.net = Factors(train.n_users, train.n_items)
        users, items, values = map(
            torch.tensor, (train.users, train.items, train.values)
        )
        data = torch.utils.data.TensorDataset(users, items, values)
        loader = torch.utils.data.DataLoader(data, batch_size=64, shuffle=True)
        optimizer = torch.optim.Adam(self.net.parameters(), lr=0.05)
        for _ in range(3):
            for u, i, r in loader:
                optimizer.zero_grad()
                torch.nn.functional.mse_loss(self.net(u, i), r).backward()
                optimizer.step()

    def predict(self, history, users, items):
        with torch.no_grad():
            return self.net(torch.tensor(users), torch.tensor(items))
"""

OF_SCIKIT_LEARN = """
import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.neighbors import KNeighborsRegressor


class OfScikitLearn:
    def __init__(self, kind: str = "boosting"):
        self.kind = kind

    def fit(self, train, context):
        self.model = {
            "boosting": HistGradientBoostingRegressor(
                random_state=context.seed % 2**32, max_iter=20
            ),
            "forest": RandomForestRegressor(
                20, random_state=context.seed % 2**32, n_jobs=2
            ),
            "neighbours": KNeighborsRegressor(5),
        }[self.kind]
        self.users = np.bincount(train.users, train.values, train.n_users)
        self.items = np.bincount(train.items, train.values, train.n_items)
        self.model.fit(self.features(train.users, train.items), train.values)

    def features(self, users, items):
        return np.column_stack([users, items, self.users[users], self.items[items]])

    def predict(self, history, users, items):
        return self.model.predict(self.features(users, items))
"""

OF_SURPRISE = """
import pandas
from surprise import KNNBaseline, SVD, Dataset, Reader


class OfSurprise:
    def __init__(self, kind: str = "svd"):
        self.kind = kind

    def fit(self, train, context):
        frame = pandas.DataFrame(
            {"user": train.users, "item": train.items, "rating": train.values}
        )
        scale = train.scale.low, train.scale.high
        data = Dataset.load_from_df(frame, Reader(rating_scale=scale))
        known = data.build_full_trainset()
        if self.kind == "svd":
            self.model = SVD(n_epochs=3, random_state=context.seed % 2**32)
        else:
            self.model = KNNBaseline(k=5, verbose=False)
        self.model.fit(known)

    def predict(self, history, users, items):
        pairs = zip(users.tolist(), items.tolist())
        return [self.model.predict(u, i, clip=False).est for u, i in pairs]
"""

BUNDLED = [
    f"{spec.name}:epochs=2" if "epochs" in spec.options.__struct_fields__ else spec.name
    for spec in (offer.value for offer in discover().all("models"))
]


def documented() -> str:
    """Return the model of the README."""
    (code,) = re.findall(
        r"```python\n(# my_model\.py\n.*?)```",
        (ROOT / "README.md").read_text(),
        flags=re.DOTALL,
    )
    return str(code)


class Runs:
    """The same run, with trials that are confined and with some that are not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        words = [f"-m{model}" for model in [*BUNDLED, "damped-mean"]]
        for name, code, models in (
            ("my_model", documented(), ["MyModel", "MyModel:weight=0.8"]),
            ("of_torch", OF_TORCH, ["OfTorch"]),
            *self._of_others(),
        ):
            file = folder / f"{name}.py"
            file.write_text(code)
            words += [f"-m{file}:{model}" for model in models]
        self.words = [*words, "--plugin", str(EXAMPLE / "benchbox_damped_mean.py")]
        self.confined = self._run("confined")
        with pytest.MonkeyPatch.context() as patch:
            start_zygotes_of(UNGUARDED, patch)
            self.free = self._run("free")

    def _of_others(self) -> Iterator[tuple[str, str, list[str]]]:
        if find_spec("sklearn"):
            kinds = [f"OfScikitLearn:kind={k}" for k in ("boosting", "forest")]
            kinds.append("OfScikitLearn:kind=neighbours")
            yield "of_scikit_learn", OF_SCIKIT_LEARN, kinds
        if find_spec("surprise"):
            kinds = ["OfSurprise:kind=svd", "OfSurprise:kind=neighbours"]
            yield "of_surprise", OF_SURPRISE, kinds

    def _run(self, name: str) -> RunFolder:
        line = "run -d synthetic:n_users=150,n_items=120,n_ratings=5000 -p holdout"
        out = self.folder / name
        words = [*line.split(), "--seeds", "1", "--device", "cpu", *self.words]
        assert main([*words, "--out", str(out)]) == 0
        return RunFolder.find("last", out)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    folder = tmp_path_factory.mktemp("same")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(EXAMPLE))
        patch.setenv("BENCHBOX_OFFLINE", "1")
        patch.setenv("BENCHBOX_CACHE", str(folder / "cache"))
        yield Runs(folder)


def test_each_model_predicts_the_same_bytes_confined_or_not(runs: Runs) -> None:
    confined = {record.label: record for record in runs.confined.trials()}
    free = {record.label: record for record in runs.free.trials()}

    assert len(confined) >= len(BUNDLED) + 4
    assert {record.confined for record in free.values()} == {
        "not enforced: switched off"
    }
    for label, record in confined.items():
        assert record.confined.startswith("landlock")
        mine = runs.confined.predictions(record)
        assert mine.tobytes() == runs.free.predictions(free[label]).tobytes(), label


def test_no_prediction_of_these_models_depends_on_the_other_pairs(runs: Runs) -> None:
    for record in runs.confined.trials():
        assert record.asked_again is not None
        assert record.asked_again.verdict in ("same", "untested"), record
        if record.asked_again.verdict == "untested":
            assert "too long" in record.asked_again.reason, record
