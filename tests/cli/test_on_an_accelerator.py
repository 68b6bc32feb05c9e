"""A run on an accelerator: `loom_backend`, which any torch for processors can have."""

import pytest

from benchbox.machine import n_usable_cpus
from tests.support.commands import Benchbox, Lender
from tests.support.loom_backend import SIZE_VARIABLE
from tests.support.loom_plugin import plant_loom
from tests.support.nursery import fork_no_zygotes

SAME = "-m autorec-user:input_dropout=0,epochs=5 -m biased-mf"
"""Models that draw the same numbers on every device."""

OTHER = "-m biased-mf-sgd -m neural-cf"
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
    # Torch looks for what computes on other devices while it is imported.
    fork_no_zygotes(monkeypatch)
    # Not between tests: the zygote sees it as it is when it starts.
    monkeypatch.setenv(SIZE_VARIABLE, "400000")


def test_models_run_on_it_and_predict_what_they_predict_on_the_cpu(
    benchbox: Benchbox, loom: None
) -> None:
    line = f"run -d svd-toy --seeds 1 {SAME}"
    on_cpu = benchbox(f"{line} --device cpu").by_label()
    there = benchbox(f"{line} {OTHER} --device loom")
    on_loom = there.by_label()

    assert (there.code, len(on_loom)) == (0, 4)
    assert "All models were fitted on loom." in there.out
    assert {trial.device for trial in on_loom.values()} == {"loom"}
    for label, trial in on_cpu.items():
        for metric, score in trial.metrics.items():
            assert on_loom[label].metrics[metric].value == pytest.approx(score.value)


def test_a_fit_that_does_not_fit_is_made_with_half_the_batch_and_said(
    benchbox: Benchbox, loom: None
) -> None:
    # 8,100 rows of 16 factors take 518 kB, and half as many have room.
    model = "biased-mf-sgd:optimizer=adam,batch_size=9000,epochs=2"
    data = "synthetic:n_users=200,n_items=100,n_ratings=10000"

    done = benchbox(f"run -d {data} -p holdout -m {model} --device loom --seeds 1")
    again = benchbox(f"run --resume {done.folder.path}")

    (trial,) = done.trials()
    assert (done.code, trial.status, trial.halvings) == (0, "ok", 1), trial.reason
    said = " ".join(done.out.split())
    assert f"changes their scores: {model} by 2 in 1 trial." in said
    assert "loom has no events to time steps with: the host timed every" in said
    assert trial.n_steps == 2 * 2 * 2
    assert trial.steps is not None
    assert "the host times some steps" in trial.gauges.missing["step events"]
    assert (again.code, again.trials()) == (0, [trial])


def test_doctor_lists_accelerators_and_what_each_lacks(
    benchbox: Benchbox, loom: None, lender: Lender, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By the zygote that is there already.
    monkeypatch.setattr(
        "benchbox.cli.doctor.LocalExecutor",
        lambda n_threads, log: lender._lend(n_usable_cpus(), log),
    )

    done = benchbox("doctor")

    said = " ".join(done.out.split())
    assert done.code == 0
    assert "ok accelerators cpu, loom:0 (Loom 1000)" in said
    assert "note loom:0 no accelerator memory: torch does not report it" in said
    assert "note loom:0 no step events: torch has none to rely on" in said
    assert "note loom:0 no sensors: benchbox cannot read sensors of loom" in said


@pytest.mark.parametrize("device", ["mps", "xpu:1", "loom:1"])
def test_a_device_that_is_not_here_is_refused_before_data_are_loaded(
    benchbox: Benchbox, loom: None, device: str
) -> None:
    done = benchbox(f"run -d no-such-data -m biased-mf --device {device}")

    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"benchbox: Device '{device}' is not on this machine, which has cpu, loom:0 "
        f"(Loom 1000). Use --device loom:0.\n"
    )


@pytest.mark.slow
def test_of_trials_at_once_one_has_the_device_and_the_others_wait_for_it(
    benchbox: Benchbox, loom: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchbox.runs.session.n_usable_cpus", lambda: 2)
    line = f"run -d svd-toy -p kfold:n_folds=2 --seeds 1 {SAME} --threads 1"

    alone = benchbox(f"{line} --device loom").trials()
    at_once = benchbox(f"{line} --device loom --jobs 2")

    assert at_once.code == 0
    assert " waits for loom, which another trial has" in at_once.err
    assert {t.device for t in at_once.trials()} == {"loom"}
    assert {t.key: t.predictions_digest for t in at_once.trials()} == {
        t.key: t.predictions_digest for t in alone
    }
