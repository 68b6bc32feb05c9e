"""The Ray executor, with real trials of this machine behind a stand-in for Ray."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from benchbox.data.ratings_files import write_ratings
from benchbox.errors import BenchboxError
from benchbox.machine import Environment, FoundDevices, GaugeRecord
from benchbox.plugins import discover
from benchbox.records import (
    RAN_AT_ONCE,
    Access,
    Fitted,
    ModelQuestion,
    Pairs,
    TrialJob,
    TrialOutcome,
    Waits,
    new_folder,
)
from benchbox.runs import Stages, split
from benchbox.runs.attempts import LOST_WORKERS
from benchbox.trials.executors.api import AgainError, Finished
from benchbox.trials.executors.cluster import executor as module
from benchbox.trials.executors.cluster.executor import (
    FIRST_USE,
    LEFT_OUT,
    NICENESS,
    PLACE,
    RayExecutor,
)
from benchbox.trials.executors.cluster.words import Asked
from benchbox.trials.executors.cluster.worker import Worker
from tests.studies.kills import essence
from tests.support.commands import PLANTED, Benchbox, Lender
from tests.support.fake_ray import ActorDiedError, FakeRay, machine
from tests.support.toys import tiny_ratings

MODELS = "-m bias -m biased-mf:epochs=2 -m svd:n_factors=3 -m planted.py:Validated"
RUN = f"run -d svd-toy -p kfold:n_folds=2 {MODELS} --threads 1 --device cpu"
ONE = "run -d svd-toy -p holdout -m bias --threads 1 --device cpu"
ON_RAY = "--executor ray"


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch, lender: Lender) -> FakeRay:
    fake = FakeRay(machine("10.0.0.1"), machine("10.0.0.2"))
    fake.serve(monkeypatch)
    worker = "benchbox.trials.executors.cluster.worker"
    monkeypatch.setattr(f"{worker}.LocalExecutor", lender._lend)
    # It keeps the accelerators of the whole process, which here is the runner.
    monkeypatch.setattr(f"{worker}.set_accelerators", lambda known: None)
    return fake


def text_of(said: str) -> str:
    return " ".join(said.split())


def test_a_run_on_machines_predicts_what_it_predicts_here(
    benchbox: Benchbox, ray: FakeRay
) -> None:
    wanted = essence(benchbox(RUN).folder)
    there = benchbox(f"{RUN} {ON_RAY}")

    assert there.code == 0, there.err
    assert essence(there.folder) == wanted
    trials = there.trials()
    assert {t.settings[PLACE] for t in trials} == {"10.0.0.1", "10.0.0.2"}
    assert not any(t.ran_beside_others for t in trials)
    # Each worker has a machine to itself, and stays for the next trial.
    assert len(ray.hired) == 2
    assert {options["num_cpus"] for _, options in ray.hired} == {1}
    assert all(options["max_restarts"] == 0 for _, options in ray.hired)
    assert not any(actor.is_alive for actor, _ in ray.hired)
    # Three folders on each of two folds, first uses and code: each is sent once.
    assert len(ray.stored) < len(trials) * 3


def test_hidden_ratings_stay_and_pairs_leave_once_the_model_is_fitted(
    benchbox: Benchbox, ray: FakeRay
) -> None:
    data = "synthetic:n_users=40,n_items=30,n_ratings=600"
    there = benchbox(f"{ONE.replace('svd-toy', data)} {ON_RAY}")
    registry = discover()
    dataset = Stages(registry, print).dataset(data)
    hidden = split(dataset, "holdout", (), registry)[0].hidden

    assert there.code == 0, there.err
    sent = [content for _, content in ray.sent]
    stored = [column.tobytes() for parcel in ray.stored for column in parcel.values()]
    assert len(hidden) > 20
    for values in (hidden.values, hidden.values.astype(np.float64)):
        assert not any(values.tobytes() in content for content in sent + stored)
    # The pairs go out as an answer to a trial that is fitted, in another order.
    answers = [
        msgspec.msgpack.decode(content, type=Asked | None)
        for method, content in ray.sent
        if method == "answer"
    ]
    users = [answer.columns[0] for answer in answers if answer is not None]
    whole = [sorted(column) for column in users if len(column) == len(hidden)]
    assert whole == [sorted(hidden.users)]
    known = (hidden.users.tobytes(), hidden.items.tobytes())
    others = [c for method, c in ray.sent if method != "answer"] + stored
    assert not any(column in content for column in known for content in others)


def test_a_lost_worker_loses_no_trial_and_is_counted(
    benchbox: Benchbox, ray: FakeRay
) -> None:
    wanted = essence(benchbox(ONE).folder)
    # The first is that of the first use.
    died = ActorDiedError("The actor died.\nIts log says more.")
    ray.faults += [("begin", died), ("hear", died)]
    there = benchbox(f"{ONE} {ON_RAY}")

    assert there.code == 0, there.err
    assert essence(there.folder) == wanted
    (trial,) = there.trials()
    assert trial.settings[LOST_WORKERS] == "2"


def test_a_trial_that_loses_many_workers_is_a_row_with_the_reason(
    benchbox: Benchbox, ray: FakeRay
) -> None:
    ray.faults += [("begin", ActorDiedError("Its node has died.\nMore."))] * 4
    there = benchbox(f"{ONE} {ON_RAY}")

    (trial,) = there.trials()
    assert (there.code, trial.status) == (1, "crashed")
    assert re.fullmatch(
        r"the worker on 10\.0\.0\.\d was lost: Its node has died, after 3 others",
        trial.reason,
    )


def test_several_jobs_on_a_machine_share_it_and_are_marked(
    benchbox: Benchbox, ray: FakeRay
) -> None:
    ray.machines = [machine("10.0.0.1", 2)]
    wanted = essence(benchbox(RUN).folder)
    there = benchbox(f"{RUN} {ON_RAY} --ray-address auto --jobs 2")

    assert there.code == 0, there.err
    assert essence(there.folder) == wanted
    beside = f"up to 2 {RAN_AT_ONCE}"
    assert all(beside in trial.contended for trial in there.trials())
    shared = {options["memory"] for _, options in ray.hired}
    assert shared == {4 << 30}


def test_times_of_several_kinds_of_machine_are_never_compared(
    benchbox: Benchbox, ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    introduce, names = Worker.introduce, iter(["Abacus", "Difference Engine"])

    def elsewhere(worker: Worker) -> bytes:
        told: dict[str, Any] = msgspec.msgpack.decode(introduce(worker))
        told["environment"]["cpu"] = next(names)
        told["niceness"] = 15
        return msgspec.msgpack.encode(told)

    monkeypatch.setattr(Worker, "introduce", elsewhere)
    there = benchbox(f"{RUN} {ON_RAY}")

    run = there.folder.read_run()
    known = {e.id: e.cpu for e in run.earlier_environments}
    assert {known[t.environment] for t in there.trials()} == {
        "Abacus",
        "Difference Engine",
    }
    assert {t.settings[NICENESS] for t in there.trials()} == {"15"}
    assert "Times and memory are left out" in text_of(there.out)
    assert "Abacus" in there.out


def test_a_model_that_no_machine_has_is_a_row_with_its_distribution(
    benchbox: Benchbox, ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = "benchbox.trials.executors.cluster.trial"
    monkeypatch.setattr(f"{trial}.source_digest", lambda target: "")
    there = benchbox(f"{ONE} {ON_RAY}")

    (record,) = there.trials()
    assert (there.code, record.status) == (1, "failed")
    version = "benchbox-recsys 0.2.0"
    assert sorted(record.reason.split("; ")) == [
        f"10.0.0.1 lacks {version}",
        f"10.0.0.2 lacks {version}",
    ]


def test_a_machine_that_lacks_a_model_is_left_out_and_that_is_said(
    benchbox: Benchbox, ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = "benchbox.trials.executors.cluster.trial"
    answers = iter(["another"])
    from benchbox.targets import source_digest

    monkeypatch.setattr(
        f"{trial}.source_digest", lambda target: next(answers, source_digest(target))
    )
    there = benchbox(f"{ONE} {ON_RAY}")

    (record,) = there.trials()
    assert record.status == "ok", record.reason
    left_out = record.settings[LEFT_OUT]
    assert left_out.endswith("has another source of benchbox-recsys 0.2.0")


def test_an_address_is_for_the_executor_that_takes_one(benchbox: Benchbox) -> None:
    done = benchbox(f"{ONE} --ray-address auto")

    assert done.code == 2
    assert "choose --executor ray" in done.err


def test_an_interrupted_run_says_how_to_go_on_there(
    benchbox: Benchbox, ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("benchbox.runs.asking.Asking.hand_pairs", interrupt)
        stopped = benchbox(f"{ONE} {ON_RAY} --ray-address auto")

    assert stopped.code == 130
    assert not any(actor.is_alive for actor, _ in ray.hired)
    said = re.search(r"Continue with: benchbox (.*)", stopped.err)
    assert said is not None
    assert said[1].endswith("--executor ray --ray-address auto")
    resumed = benchbox(said[1])
    assert resumed.code == 0, resumed.err
    assert [t.status for t in resumed.trials()] == ["ok"]


def test_models_are_tuned_there_too(benchbox: Benchbox, ray: FakeRay) -> None:
    pytest.importorskip("optuna")
    line = "tune -d svd-toy -p holdout -m svd --budget-trials 2 --seeds 1 --threads 1"
    there = benchbox(f"{line} --device cpu {ON_RAY}")

    assert there.code == 0, there.err
    assert {t.status for t in there.trials()} == {"ok"}


class Stub:
    """Stands in for a local executor, where no child is needed.

    Attributes:
        asked: How many pairs each trial was asked for that has any.
    """

    def __init__(self, act: Callable[[TrialJob], Finished]) -> None:
        self._act = act
        self.asked: list[int] = []

    def accelerators(self) -> FoundDevices:
        return FoundDevices("cuda", ["Babbage 1"])

    def run(self, job: TrialJob, **given: Any) -> Finished:
        self.given = given
        if given["hand_pairs"] is not None:
            given["listen"](Fitted())
            self.asked.append(len(np.load(given["hand_pairs"]().users)))
        return self._act(job)


@pytest.fixture
def job(tmp_path: Path) -> TrialJob:
    write_ratings(tmp_path / "train", tiny_ratings(8))
    train = str(tmp_path / "train")
    return TrialJob(
        target=f"{PLANTED}:Honest",
        options_type="",
        options={},
        train=train,
        history=train,
        out=str(new_folder(tmp_path)),
        asked=str(new_folder(tmp_path)),
    )


def stubbed(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[TrialJob], Finished]
) -> Stub:
    stub = Stub(act)

    def made(*_: object, **__: object) -> AbstractContextManager[Stub]:
        return nullcontext(stub)

    worker = "benchbox.trials.executors.cluster.worker"
    monkeypatch.setattr(f"{worker}.LocalExecutor", made)
    return stub


def ended(status: str = "ok", reason: str = "") -> Finished:
    outcome = TrialOutcome(status=status, reason=reason)  # type: ignore[arg-type]
    return Finished(outcome=outcome, gauges=GaugeRecord())


def listen(news: object) -> None:
    pass


def test_each_machine_has_the_first_use_of_a_model_before_its_trials(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch, job: TrialJob, tmp_path: Path
) -> None:
    seconds = {"load": 0.5, "fit": 1.0}
    stub = stubbed(
        monkeypatch,
        lambda job: Finished(
            outcome=TrialOutcome(
                wall_seconds=seconds, settings={"compiles": str(job.access.compiles)}
            )
        ),
    )
    first = msgspec.structs.replace(job, access=Access(compiles=True))
    tried = msgspec.structs.replace(job, options={"weight": 2})
    few, all_pairs = (
        Pairs.written(new_folder(tmp_path), column, column)
        for column in (np.arange(2, dtype=np.int32), np.arange(5, dtype=np.int32))
    )
    how: dict[str, Any] = {"log": tmp_path / "log", "listen": listen}
    with RayExecutor(1, tmp_path / "log") as there:
        there.run(first, **how, hand_pairs=lambda: few)
        here = there.run(job, **how, hand_pairs=lambda: all_pairs)
        there._places.lost(there._cluster.nodes()[0])
        elsewhere = there.run(tried, **how, hand_pairs=lambda: all_pairs)
        again = there.run(job, **how, hand_pairs=lambda: all_pairs)

    assert stub.asked == [2, 5, 2, 5, 5]
    assert [f.outcome.settings[PLACE] for f in (here, elsewhere, again)] == [
        "10.0.0.1",
        "10.0.0.2",
        "10.0.0.2",
    ]
    assert FIRST_USE not in here.outcome.settings
    assert elsewhere.outcome.settings[FIRST_USE] == "1.5 s"
    assert elsewhere.outcome.settings["compiles"] == "False"


def test_who_needs_more_than_a_share_of_the_memory_gets_the_machine(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch, job: TrialJob, tmp_path: Path
) -> None:
    ray.machines = [machine("10.0.0.1", 2)]
    full = ended("out-of-memory", "used 4.1 GiB of the 4.00 GiB it may")
    stub = stubbed(monkeypatch, lambda job: full)
    how: dict[str, Any] = {"log": tmp_path / "log", "listen": listen}
    with RayExecutor(1, tmp_path / "log", jobs=2) as there:
        with pytest.raises(AgainError, match=r"used 4\.1 GiB") as error:
            there.run(job, **how, expected_bytes=1 << 30)
        assert error.value.alone
        assert stub.given["memory_limit_bytes"] == 4 << 30
        alone = there.run(job, **how, expected_bytes=None)
        assert stub.given["memory_limit_bytes"] is None
        large = there.run(job, **how, expected_bytes=5 << 30)
        limited = there.run(
            job, **how, expected_bytes=1 << 30, memory_limit_bytes=1 << 30
        )

    for finished in (alone, large, limited):
        assert finished.outcome.status == "out-of-memory"
    assert not any(RAN_AT_ONCE in why for why in alone.contended)


def test_accelerators_are_found_and_lent(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch, job: TrialJob, tmp_path: Path
) -> None:
    ray.machines = [machine("10.0.0.1", 4), machine("10.0.0.2", 4, GPU=2.0)]
    stubbed(monkeypatch, lambda job: ended())
    on_cuda = msgspec.structs.replace(job, device="cuda:0")
    how: dict[str, Any] = {"log": tmp_path / "log", "listen": listen}
    with RayExecutor(1, tmp_path / "log", jobs=2) as there:
        assert there.accelerators() == FoundDevices("cuda", ["Babbage 1"])
        fitted = there.run(on_cuda, **how, expected_bytes=1)
        plain = there._as_seen(environment(), there._cluster.nodes()[1])
        elsewhere = there._as_seen(environment(), there._cluster.nodes()[0])

    lent = [(actor.node, options["num_gpus"]) for actor, options in ray.hired]
    assert set(lent) == {("id-10.0.0.2", 1)}
    assert fitted.environment is not None
    assert fitted.environment.accelerators == ["Babbage 1"]
    assert plain.accelerators == ["Babbage 1"]
    assert elsewhere.accelerators == []


def environment() -> Environment:
    return Environment(
        benchbox="",
        commit="",
        python="",
        system="",
        cpu="",
        n_cpus=1,
        memory_bytes=1,
        packages={},
    )


def test_threads_that_no_machine_has_are_refused_before_the_run(
    benchbox: Benchbox, ray: FakeRay
) -> None:
    done = benchbox(f"{ONE} --threads 8 {ON_RAY}")

    assert done.code == 1
    assert "No machine of the cluster can take a trial with 8 threads" in done.err
    assert not done.results.exists()


def test_without_accelerators_none_are_looked_for(ray: FakeRay, tmp_path: Path) -> None:
    with RayExecutor(1, tmp_path / "log") as there:
        assert there.accelerators() == FoundDevices()
    assert ray.hired == []


def test_a_fitted_model_that_is_to_be_kept_comes_back(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch, job: TrialJob, tmp_path: Path
) -> None:
    def keep(job: TrialJob) -> Finished:
        assert job.keep is not None
        Path(job.keep, "state").write_bytes(b"\x00\x01")
        return ended()

    stubbed(monkeypatch, keep)
    kept = msgspec.structs.replace(job, keep=str(tmp_path / "kept"))
    with RayExecutor(1, tmp_path / "log") as there:
        there.run(kept, log=tmp_path / "log", listen=listen)

    assert (tmp_path / "kept" / "state").read_bytes() == b"\x00\x01"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (BenchboxError("It cannot start."), "It cannot start"),
        (ValueError("a bug"), "the worker failed: ValueError: a bug"),
    ],
)
def test_what_goes_wrong_on_a_machine_is_the_end_of_the_trial(
    ray: FakeRay,
    monkeypatch: pytest.MonkeyPatch,
    job: TrialJob,
    tmp_path: Path,
    error: Exception,
    reason: str,
) -> None:
    def fail(job: TrialJob) -> Finished:
        raise error

    stubbed(monkeypatch, fail)
    with RayExecutor(1, tmp_path / "log") as there:
        finished = there.run(job, log=tmp_path / "log", listen=listen)

    assert finished.outcome.status == "failed"
    assert reason in finished.outcome.reason


def test_a_question_to_a_worker_that_dies_is_an_error_of_one_line(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stubbed(monkeypatch, lambda job: ended())
    ray.faults.append(("ask", ActorDiedError("The actor died.")))
    question = ModelQuestion(target=f"{PLANTED}:Honest", settings={})
    with (
        RayExecutor(1, tmp_path / "log") as there,
        pytest.raises(BenchboxError, match=r"was lost: The actor died\. Try again"),
    ):
        there.describe(question)


def test_a_worker_that_dies_before_its_first_word_is_gone(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch, job: TrialJob, tmp_path: Path
) -> None:
    stubbed(monkeypatch, lambda job: ended())
    ray.faults.append(("introduce", ActorDiedError("The actor died.")))
    with (
        RayExecutor(1, tmp_path / "log") as there,
        pytest.raises(AgainError, match="was lost"),
    ):
        there.run(job, log=tmp_path / "log", listen=listen)
    assert not any(actor.is_alive for actor, _ in ray.hired)


def test_a_busy_machine_is_waited_for_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", -1.0)
    heard: list[object] = []
    waits = module._patience(
        module.Node(id="1", name="10.0.0.1", n_cpus=1), heard.append
    )

    assert waits()
    assert waits()
    assert heard == [Waits(what="10.0.0.1, which other work of the cluster uses")]
