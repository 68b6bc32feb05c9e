"""Models that attack the runner: each costs its own row, and nobody else theirs.

The kernel would stop some of them earlier, as `tests.trials.confinement` shows. Here
trials are not confined, to show that the runner trusts nothing they do.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from benchbox.cli import main
from benchbox.records.bounds import MOST_LOG_BYTES, MOST_NOTE_CHARACTERS
from benchbox.records.folder import RunFolder
from benchbox.records.trial import TrialRecord
from tests.support.commands import UNGUARDED, Lender, start_zygotes_of
from tests.support.hostile_models import ENDINGS

HOSTILE = Path(__file__).parents[1] / "support" / "hostile_models.py"
QUICK = (
    "RandomBytes",
    "AsksTwice",
    "ForgedNaN",
    "Pipe",
    "Pickled",
    "OverwritesRatings",
    "LoneSurrogate",
    "SteersTheTerminal",
    "EndlessCount",
    "NumbersOfEveryKind",
)


class Ran:
    """A run of honest models among hostile ones, and the same run without these."""

    def __init__(self, names: Sequence[str], folder: Path) -> None:
        self.names, self.printed = tuple(names), StringIO()
        self.code, self.folder = self._run("among", names, folder)
        self.records = {record.label: record for record in self.folder.trials()}
        _, self.alone = self._run("alone", (), folder)

    def _run(
        self, name: str, hostile: Sequence[str], folder: Path
    ) -> tuple[int, RunFolder]:
        line = "run -d svd-toy -p holdout:fraction=0.3 --seeds 1 --time-limit 12"
        models = ["-m", "bias", *(f"-m{HOSTILE}:{one}" for one in hostile), "-m", "svd"]
        out = folder / name
        with redirect_stdout(self.printed), redirect_stderr(self.printed):
            code = main([*line.split(), *models, "--device", "cpu", "--out", str(out)])
        return code, RunFolder.find("last", out)

    def log(self, record: TrialRecord) -> bytes:
        return self.folder.log(record).read_bytes()


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("hostile")
    lender = Lender(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("BENCHBOX_OFFLINE", "1")
        patch.setenv("BENCHBOX_CACHE", str(folder / "cache"))
        start_zygotes_of(UNGUARDED, patch)
        lender.serve(patch)
        yield folder
    lender.close()


@pytest.fixture(scope="module")
def few(surroundings: Path) -> Ran:
    return Ran(QUICK, surroundings / "few")


@pytest.fixture(scope="module")
def all_of_them(surroundings: Path) -> Ran:
    return Ran(list(ENDINGS), surroundings / "all")


def check_endings(ran: Ran, names: Sequence[str]) -> None:
    for name in names:
        status, reason = ENDINGS[name]
        record = ran.records[name]
        assert record.status == status, record
        assert re.search(reason, record.reason), record


def check_the_others(ran: Ran) -> None:
    assert ran.code == 1
    assert set(ran.records) == {"bias", "svd", *ran.names}
    for label in ("bias", "svd"):
        assert ran.records[label].status == "ok"
        mine = ran.folder.predictions(ran.records[label])
        (alone,) = (r for r in ran.alone.trials() if r.label == label)
        assert mine.tobytes() == ran.alone.predictions(alone).tobytes()
        assert ran.records[label].metrics == alone.metrics


def test_a_few_attacks_cost_a_row_each_with_the_right_reason(few: Ran) -> None:
    check_endings(few, QUICK)
    check_the_others(few)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDINGS)
def test_an_attack_ends_in_its_own_row_for_the_right_reason(
    all_of_them: Ran, name: str
) -> None:
    check_endings(all_of_them, [name])


@pytest.mark.slow
def test_no_attack_costs_another_model_anything(all_of_them: Ran) -> None:
    check_the_others(all_of_them)


def test_numbers_of_every_kind_are_recorded_as_plain_ones(few: Ran) -> None:
    record = few.records["NumbersOfEveryKind"]

    assert record.notes == {"epochs": "5", "rate": "0.5"}
    assert [report.epoch for report in record.curve] == [1, 2, 3, 4]
    assert [report.loss for report in record.curve] == [0.5, 0.5, 0.5, 0.25]
    assert record.n_parameters == 7


def test_nothing_a_model_says_steers_a_terminal_or_gets_into_a_file_raw(
    few: Ran,
) -> None:
    folder = few.folder.path
    files = [*folder.glob("table.*"), *folder.rglob("*.json")]
    texts = [few.printed.getvalue(), *(file.read_text() for file in files)]

    assert len(texts) > 10
    assert r"\u001b[2J" in texts[0]
    assert r"\u001b[2J" in (folder / "table.md").read_text()
    for text in texts:
        assert not [c for c in text if not (c.isprintable() or c == "\n")]


def test_what_a_model_raises_is_in_its_log(few: Ran) -> None:
    log = few.log(few.records["LoneSurrogate"]).decode()

    assert "Traceback" in log
    assert r"ValueError: \udcff" in log


@pytest.mark.slow
def test_a_flooded_log_keeps_its_beginning_and_its_end(all_of_them: Ran) -> None:
    log = all_of_them.log(all_of_them.records["FloodsItsLog"])

    assert len(log) < MOST_LOG_BYTES + 200
    assert log.startswith(b"AAAA")
    assert b"bytes are left out here" in log
    assert log.endswith(b"the end\n")


@pytest.mark.slow
def test_a_note_of_any_length_is_cut(all_of_them: Ran) -> None:
    note = all_of_them.records["EndlessNote"].notes["essay"]

    assert MOST_NOTE_CHARACTERS < len(note) < MOST_NOTE_CHARACTERS + 50
    assert note.endswith("characters more)")
