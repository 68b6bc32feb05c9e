"""Plugins on the command line: broken ones are named, unwanted ones stay out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import Benchbox
from tests.support.planted_packages import CAUSES, plant, plant_broken, plant_model

JOURNAL = """
from benchbox import hookimpl

@hookimpl
def benchbox_run_started(run, folder):
    print("started", len(run.models))

@hookimpl
def benchbox_trial_started(trial):
    print("trial", trial.label, trial.fold, trial.replicate)

@hookimpl
def benchbox_trial_ended(run, trial):
    print("ended", trial.label, trial.status)
    raise RuntimeError("journal is full")

@hookimpl
def benchbox_run_ended(run, folder):
    print("over", run.status, (folder / "run.json").exists())
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path in which packages can be planted."""
    folder = tmp_path / "site"
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_five_broken_plugins_are_named_with_their_causes_and_nothing_heavy_loads(
    tmp_path: Path,
) -> None:
    plant_broken(tmp_path)
    script = (
        "import sys\nfrom benchbox.cli import main\ncode = main(['list'])\n"
        "assert 'torch' not in sys.modules\nassert 'pandas' not in sys.modules\n"
        "sys.exit(code)"
    )

    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "autorec-user" in done.stdout
    lines = done.stderr.splitlines()
    assert len(lines) == len(CAUSES)
    for name, cause in CAUSES.items():
        (line,) = [line for line in lines if f"plugin {name} 1.2" in line]
        assert cause in line


def test_plugins_list_tells_the_status_of_each(benchbox: Benchbox, site: Path) -> None:
    plant_broken(site)
    plant_model(site, "acme-good", "zig")

    done = benchbox("plugins list --without acme-future")

    assert done.code == 1
    by_name = {line.split()[0]: line for line in done.out.splitlines() if line}
    assert "left out" in by_name["acme-future"]
    assert "broken" in by_name["acme-absent"]
    assert by_name["acme-good"].endswith("ok        1 model")
    assert CAUSES["acme-raising"] in done.err


def test_plugins_list_as_json_holds_reasons_and_tracebacks(
    benchbox: Benchbox, site: Path
) -> None:
    plant_broken(site)

    records = json.loads(benchbox("plugins list --json").out)["plugins"]

    raising = next(r for r in records if r["package"] == "acme-raising")
    (trouble,) = raising["trouble"]
    assert "no licence" in trouble["reason"]
    assert "Traceback" in trouble["details"]
    core = next(r for r in records if r["plugin"] == "core")
    assert "benchbox_metrics" in core["hooks"]


def test_two_packages_with_one_name_are_both_named_and_one_can_be_left_out(
    benchbox: Benchbox, site: Path
) -> None:
    plant_model(site, "acme-one", "zig")
    plant_model(site, "acme-two", "zig")

    both = benchbox("list models")
    one = benchbox("list models --without acme-two")

    assert "acme-one 1.2 (acme-one) and acme-two 1.2 (acme-two) both offer" in both.err
    assert "zig" not in both.out
    assert "zig" in one.out
    assert not one.err


@pytest.mark.parametrize(
    "line", ["--no-plugins list models", "list models --no-plugins"]
)
def test_the_switches_may_stand_before_and_after_the_command(
    benchbox: Benchbox, site: Path, line: str
) -> None:
    plant(site, "acme-exits", "raise SystemExit\n")

    done = benchbox(line)

    assert "bias" in done.out
    assert not done.err


def test_a_switch_below_a_group_of_commands_works_too(
    benchbox: Benchbox, site: Path
) -> None:
    done = benchbox("data show synthetic --without datasets")

    assert done.code == 2
    assert "No dataset named 'synthetic'" in done.err


def test_a_misspelt_name_to_leave_out_is_reported(benchbox: Benchbox) -> None:
    assert "no plugin 'acne'" in benchbox("list models --without acne").err


def test_a_journal_hears_of_a_run_and_its_faults_harm_nothing(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    (tmp_path / "journal.py").write_text(JOURNAL)

    done = benchbox("run -m bias -m user-mean -d svd-toy --plugin journal.py")

    assert done.code == 0
    words = ("started", "trial", "ended", "over")
    heard = [line for line in done.err.splitlines() if line.startswith(words)]
    assert heard[0] == "started 2"
    # The order of the trials is drawn.
    first = heard[1].split()[1]
    assert heard[1].startswith(f"trial {first}")
    assert heard[2] == f"ended {first} ok"
    assert {heard[2], heard[4]} == {"ended bias ok", "ended user-mean ok"}
    assert heard[-1] == "over finished True"
    assert done.err.count("journal is full") == 1
    assert "plugin journal.py fails in its hook benchbox_trial_ended" in done.err


def test_a_format_of_a_plugin_can_be_reported_and_written_by_every_run(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    (tmp_path / "plain.py").write_text(
        "from benchbox import hookimpl\n"
        "from benchbox.plugins.formats import ReportFormat\n"
        "@hookimpl\ndef benchbox_formats():\n"
        "    return [ReportFormat(name='names', summary='names of the models', "
        "target=f'{__file__}:render', file='names.txt')]\n"
        "def render(run, boards):\n"
        "    return ' '.join(row.label for board in boards for row in board.rows)\n"
    )

    done = benchbox("run -m bias -m user-mean -d svd-toy --plugin plain.py")
    told = benchbox("report -f names --plugin plain.py")
    unknown = benchbox("report -f names")

    assert done.code == 0
    assert set(told.out.split()) == {"bias", "user-mean"}
    assert (done.folder.path / "names.txt").read_text() == told.out.strip()
    assert "No format named 'names'" in unknown.err


def test_a_model_may_take_part_only_when_it_is_asked_for(
    benchbox: Benchbox, site: Path
) -> None:
    file = plant_model(site, "acme-good", "zig")
    file.write_text(file.read_text().replace("summary=", "by_default=False, summary="))

    listed = benchbox("list models")
    plan = {
        chosen: benchbox(f"run -d svd-toy --dry-run {chosen}").out
        for chosen in ("", "-m all", "-m all -m svd:n_factors=2")
    }
    tuned = benchbox("tune -d svd-toy --dry-run")

    said = " ".join(listed.out.split()).partition(
        "In a run only with -m NAME or -m all"
    )
    assert "zig" in said[2]
    assert "zig" not in plan[""] + tuned.out
    assert "bias" in plan[""]
    assert {"zig", "bias"} <= {*plan["-m all"].split()}
    assert plan["-m all -m svd:n_factors=2"].count("svd:") == 1
    assert " svd " not in plan["-m all -m svd:n_factors=2"]


def test_checking_a_model_names_every_promise_and_succeeds(
    benchbox: Benchbox, site: Path
) -> None:
    plant_model(site, "acme-good", "zig")

    done = benchbox("plugins check acme-good")

    assert done.code == 0
    assert done.out.startswith("model zig\n")
    assert "BROKEN" not in done.out


def test_checking_a_model_in_a_file_says_what_is_broken(benchbox: Benchbox) -> None:
    done = benchbox("plugins check planted.py:Column --json")

    assert done.code == 1
    ((_, verdicts),) = json.loads(done.out)["checked"].items()
    reasons = {v["check"]: v["reason"] for v in verdicts if v["status"] == "broken"}
    assert "it must be (" in reasons["answers"]


def test_checking_a_broken_plugin_says_why_it_is_broken(
    benchbox: Benchbox, site: Path
) -> None:
    plant_broken(site)

    done = benchbox("plugins check acme-raising")

    assert done.code == 1
    assert CAUSES["acme-raising"] in done.err


def test_checking_what_nobody_offers_is_one_line(benchbox: Benchbox) -> None:
    done = benchbox("plugins check biass")

    assert done.code == 2
    assert "plugin 'biass'. Did you mean 'bias'?" in done.err


def test_checking_a_data_set_reads_it(benchbox: Benchbox) -> None:
    assert benchbox("plugins check svd-toy").code == 0


def other_info(site: Path, name: str, *, points: bytes | None) -> None:
    """Put one more folder of metadata into a site."""
    folder = site / name
    folder.mkdir(parents=True)
    if points is not None:
        package, _, version = name.removesuffix(".dist-info").partition("-")
        (folder / "METADATA").write_text(f"Name: {package}\nVersion: {version}\n")
        (folder / "entry_points.txt").write_bytes(points)


@pytest.mark.parametrize("points", [None, b"[benchbox]\nacme = benchbox_acme\n"])
def test_stale_metadata_of_a_plugin_hide_nothing_and_are_named(
    benchbox: Benchbox, site: Path, points: bytes | None
) -> None:
    plant_model(site, "benchbox-acme", "acme-mean")
    other_info(site, "benchbox_acme-0.0.dist-info", points=points)

    listed, doctor = benchbox("list models"), benchbox("doctor")

    assert "acme-mean" in listed.out
    assert "benchbox: plugin benchbox-acme has the metadata of 2 versions" in listed.err
    assert doctor.code == 1
    said = " ".join(doctor.out.split())
    assert "bad metadata benchbox-acme has the metadata of 2 versions" in said
    assert "Delete the folders of metadata that are out of date." in said


def test_damaged_metadata_of_another_package_stop_no_command(
    benchbox: Benchbox, site: Path
) -> None:
    other_info(site, "zog-1.0.dist-info", points=b"[x]\ncaf\xe9 = y\n")

    listed, doctor = benchbox("list --no-plugins"), benchbox("doctor")
    run = benchbox("run -d svd-toy -m svd --seeds 1 --device cpu")

    assert (listed.code, listed.err) == (0, "")
    assert doctor.code == 0
    assert "note metadata zog has damaged metadata" in " ".join(doctor.out.split())
    assert run.code == 0, run.err
