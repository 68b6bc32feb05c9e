"""A run on an accelerator: `loom_backend`, which any torch for processors can have."""

import pytest

from tests.support.commands import Benchbox
from tests.support.loom_plugin import plant_loom

SAME = (
    "-m autorec-user:input_dropout=0,epochs=5 -m autorec-item:input_dropout=0,epochs=5 "
    "-m biased-mf"
)
"""Models that draw the same numbers on every device."""

OTHER = "-m bayesian-mf:epochs=20 -m biased-mf-sgd -m neural-cf"
"""Models whose device draws its own."""


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder in which a loom is installed; one zygote serves it."""
    pytest.importorskip("torch._C._acc", reason="torch has no backends in Python")
    folder = tmp_path_factory.mktemp("plugins")
    plant_loom(folder)
    return str(folder)


@pytest.fixture
def loom(plugins: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(plugins)


def test_models_run_on_it_and_predict_what_they_predict_on_the_cpu(
    benchbox: Benchbox, loom: None
) -> None:
    line = f"run -d svd-toy --seeds 1 {SAME}"
    on_cpu = benchbox(f"{line} --device cpu").by_label()
    there = benchbox(f"{line} {OTHER} --device loom")
    on_loom = there.by_label()

    assert (there.code, len(on_loom)) == (0, 6)
    assert "All models were fitted on loom." in there.out
    assert {trial.device for trial in on_loom.values()} == {"loom"}
    for label, trial in on_cpu.items():
        for metric, score in trial.metrics.items():
            assert on_loom[label].metrics[metric].value == pytest.approx(score.value)
