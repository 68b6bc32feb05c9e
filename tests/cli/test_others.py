"""`benchbox list`, `data`, `doctor` and what all commands share."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import benchbox as package
from benchbox.errors import UsageError
from benchbox.machine import FoundDevices
from benchbox.plugins.claims import Claim
from benchbox.plugins.registry import Offer, Registry, discover
from benchbox.records import Devices
from tests.support.commands import Benchbox


def test_the_version_is_that_of_the_package(benchbox: Benchbox) -> None:
    import benchbox as package

    done = benchbox("--version")

    assert done.out == f"benchbox, version {package.__version__}\n"


def test_list_shows_each_kind_with_its_origin(benchbox: Benchbox) -> None:
    done = benchbox("list")

    assert done.code == 0
    for word in ("autorec-user", "ml-100k", "new-users", "rmse-by-user"):
        assert word in done.out
    assert "benchbox-recsys" in done.out


def test_list_as_json_holds_options_and_capabilities(benchbox: Benchbox) -> None:
    content = json.loads(benchbox("list --json").out)

    models = {model["name"]: model for model in content["models"]}
    assert models["autorec-user"]["capabilities"]["inductive"] is True
    assert "epochs" in models["autorec-user"]["options"]
    assert models["biased-mf"]["search"]["damping"]["log"] is True
    assert content["broken"] == []
    assert {p["name"]: p["options"] for p in content["protocols"]}["kfold"] == {
        "n_folds": 5,
        "seed": 0,
        "repeats": 1,
    }


def test_list_of_one_kind_shows_nothing_else(benchbox: Benchbox) -> None:
    done = benchbox("list protocols")

    assert "temporal" in done.out
    assert "autorec" not in done.out


def test_data_show_tells_statistics_origin_and_licence(benchbox: Benchbox) -> None:
    done = benchbox("data show svd-toy")

    assert done.code == 0
    for word in ("users", "18", "45", "licence", "origin"):
        assert word in done.out


def test_data_show_tells_the_noise_floor_of_made_up_ratings(benchbox: Benchbox) -> None:
    done = benchbox("data show synthetic")

    assert done.code == 0
    assert "noise floor" in done.out
    assert "1,000" in done.out


def test_data_show_reads_own_files(benchbox: Benchbox, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("who,what,stars\na,x,1\nb,x,5\nb,y,3\n")

    done = benchbox("data show mine.csv --columns user=who,item=what,rating=stars")

    assert done.code == 0
    assert "3 (75.00% of all pairs)" in done.out


def test_data_path_fetch_and_clean_work_on_the_cache(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    assert benchbox("data path").out.strip() == str(tmp_path / "cache")
    assert "svd-toy: " in benchbox("data fetch svd-toy").out
    assert "Freed" in benchbox("data clean").out
    assert "Freed" in benchbox("data clean ml-100k").out


def test_doctor_finds_this_machine_fit(benchbox: Benchbox) -> None:
    done = benchbox("doctor")

    assert done.code == 0, done.out
    assert "starts and responds" in done.out
    assert "nothing for 15 min is stopped (--silence-limit)" in " ".join(
        done.out.split()
    )
    assert "torch" in done.out


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_doctor_finds_a_cache_that_cannot_be_written(
    benchbox: Benchbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    monkeypatch.setenv("BENCHBOX_CACHE", str(locked / "cache"))

    done = benchbox("doctor")

    assert done.code == 1
    assert "is not writable" in done.out


def test_other_systems_are_refused_with_a_clear_line(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    done = benchbox("list")

    assert (done.code, done.err) == (
        2,
        "benchbox: benchbox runs on Linux and macOS, not on win32.\n",
    )


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    folder = Path(package.__file__).parent.parent
    done = subprocess.run(
        f"{sys.executable} -P -m benchbox.cli list --json | head -1",
        shell=True,
        capture_output=True,
        text=True,
        cwd=folder,
        check=True,
    )

    assert "Traceback" not in done.stderr


def test_help_of_every_command_tells_its_options(benchbox: Benchbox) -> None:
    for command in ("run", "list", "report", "data", "doctor"):
        done = benchbox(f"{command} --help")

        assert done.code == 0
        assert "Usage: benchbox" in done.out


def test_every_format_warns_of_a_flawed_table(benchbox: Benchbox) -> None:
    done = benchbox(
        "run -d svd-toy -m global-mean -p reconstruction -p holdout:fraction=0.3"
    )
    flawed, honest = done.out.split("\n\nsvd-toy · holdout")
    forms = {
        name: benchbox(f"report last --format {name}").out
        for name in ("markdown", "latex", "csv", "json")
    }

    assert flawed.startswith("⚠ svd-toy · reconstruction (flawed)")
    assert "do not measure prediction" in flawed
    assert "do not measure prediction" not in honest
    for text in forms.values():
        assert "the model is shown the very ratings" in " ".join(text.split())


def test_cards_pin_no_flawed_folds(benchbox: Benchbox) -> None:
    done = benchbox("data show svd-toy")

    assert done.code == 0
    assert "holdout" in done.out
    assert "reconstruction" not in done.out


def a_claims_plugin(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Let `verify` find one claim about the toy data set, and one about absent data."""
    values: dict[str, Any] = {
        "name": "toy-mean",
        "summary": "the mean of a toy",
        "dataset": "svd-toy",
        "protocol": "holdout:fraction=0.3",
        "model": "global-mean",
        "published": {"rmse": 1.0},
        "tolerance": 4.0,
        "definition": "on the toy's own split",
        "source": "nowhere",
        "status": "computed",
    }
    here = Claim(**values | changes)
    absent = Claim(
        **values | {"name": "far", "dataset": "ml-20m", "protocol": "holdout"}
    )
    registry = discover()
    origin = registry.find("models", "bias").origin
    offers = dict(registry.offers)
    offers["claims"] = {c.name: [Offer(c, origin)] for c in (here, absent)}
    monkeypatch.setattr(
        "benchbox.cli.verify.installed", lambda: Registry(offers, registry.broken)
    )


def test_claims_are_listed_if_asked_for(benchbox: Benchbox) -> None:
    assert "mymedialite-user-average-u1" not in benchbox("list").out
    assert "mymedialite-user-average-u1" in benchbox("list claims").out


def test_published_figures_are_computed_again_and_compared(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One model has two figures, by two definitions.
    both = {"rmse": 1.0, "rmse:by-user": 1.0}
    a_claims_plugin(monkeypatch, published=both)

    done = benchbox("verify")

    assert done.code == 0, done.err
    verdicts = [line.split()[-1] for line in done.out.splitlines()[2:5]]
    assert verdicts == ["data", "agrees", "agrees"]
    assert "3 published figures: 1 no data, 2 agrees." in done.out
    assert "BENCHBOX_DATA" in done.out
    ours = {name: s.value for name, s in done.trials()[0].metrics.items()}
    assert ours["rmse"] != ours["rmse-by-user"]
    assert f"{ours['rmse']:.4f}" in done.out
    assert f"{ours['rmse-by-user']:.4f}" in done.out


def test_a_difference_nobody_explains_is_an_exit_code(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_claims_plugin(monkeypatch, tolerance=1e-6)
    unexplained = benchbox("verify --dataset svd-toy")
    a_claims_plugin(monkeypatch, tolerance=1e-6, explanation="a toy of another make")
    explained = benchbox("verify --dataset svd-toy --json")

    assert unexplained.code == 1
    assert "measured as: on the toy's own split" in unexplained.out
    assert explained.code == 0
    (record,) = json.loads(explained.out)
    assert record["verdict"] == "explained"
    assert record["difference"] == pytest.approx(record["ours"] - 1.0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("verify --dataset svd-toyy", "No claim is about the data set 'svd-toyy'"),
        ("verify --claim toy-maen", "Did you mean 'toy-mean'?"),
    ],
)
def test_claims_that_are_not_there_are_one_line(
    line, said, benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_claims_plugin(monkeypatch)

    done = benchbox(line)

    assert done.code == 2
    assert said in done.err


@pytest.mark.parametrize(
    ("line", "code", "named"),
    [
        ("run -m bias:x=\udcff", 2, "\\udcff"),
        # A file may be called so; this one is not there.
        ("run -m bias -d \udcff.csv", 1, "\\xff.csv"),
    ],
)
def test_a_name_that_is_no_text_is_refused_in_one_line(
    benchbox: Benchbox, line: str, code: int, named: str
) -> None:
    done = benchbox(line)

    assert done.code == code, done.err
    assert done.err.count("\n") == 1
    assert named in done.err


def test_names_with_escapes_reach_the_terminal_spelt_out(benchbox: Benchbox) -> None:
    done = benchbox("run -m bias\x1b[2J -d 'no\x07such'")

    assert done.code == 2
    assert r"\x1b[2J" in done.err
    assert done.err.removesuffix("\n").isprintable()


def test_doctor_as_json_holds_every_check(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Devices(accelerators=FoundDevices()), ""
    monkeypatch.setattr("benchbox.cli.doctor._devices", lambda: found)
    monkeypatch.setattr("benchbox.cli.doctor.find_disturbances", lambda *_: [])
    done = benchbox("doctor --json")

    checks = json.loads(done.out)
    assert {"machine", "python", "trial process"} <= {one["what"] for one in checks}
    assert {one["verdict"] for one in checks} <= {"ok", "note", "bad"}
    assert done.code == int(any(one["verdict"] == "bad" for one in checks))


def test_the_command_is_also_a_module_of_the_package() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchbox", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == f"benchbox, version {package.__version__}\n"


def test_the_package_lists_its_names_for_people_who_explore_it() -> None:
    assert {"run", "load_run", "__version__", "__doc__", "__file__"} <= {*dir(package)}
    assert "__version__" not in package.__all__
    assert all(getattr(package, name) is not None for name in dir(package))


@pytest.mark.parametrize(
    "line", ["report", "stats", "compare last last", "run --resume last"]
)
def test_without_any_run_the_last_one_is_no_riddle(
    benchbox: Benchbox, line: str
) -> None:
    done = benchbox(line)

    assert done.code in (1, 2)
    assert done.err == (
        "benchbox: There are no runs in results yet. `benchbox run` makes one; "
        "--out names another folder.\n"
    )


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("run -m bias --memory-limit inf", "memory_limit_gib"),
        ("run -m bias --memory-limit nan", "memory_limit_gib"),
        ("run -m bias --time-limit inf", "time_limit_seconds"),
        ("run -m bias --time-limit nan", "time_limit_seconds"),
        ("run -m bias --threads 99999999999", "threads"),
        ("run -m bias --repeats 999999999999", "repeats"),
        ("run -m bias --seeds 999999999999", "seeds"),
        ("tune -m bias --budget-seconds inf", "seconds"),
        ("run --suite s.toml", "time_limit_seconds"),
    ],
)
def test_limits_without_end_are_refused_by_one_rule(
    benchbox: Benchbox, tmp_path: Path, line: str, named: str
) -> None:
    (tmp_path / "s.toml").write_text("time_limit_seconds = -1.0\n")

    done = benchbox(line)

    assert done.code == 2
    assert named in done.err
    assert done.err.count("\n") == 1
    assert not done.results.exists()


def test_limits_from_python_follow_the_same_rule(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="memory_limit_gib"):
        package.run(memory_limit_gib=float("inf"), out=tmp_path)
