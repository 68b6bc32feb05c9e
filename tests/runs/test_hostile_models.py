"""Models that attack the runner: each costs its own row, and nobody else theirs.

The kernel would stop some of them earlier, as `tests.trials.confinement` shows. Here
trials are not confined, to show that the runner trusts nothing they do.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchbox.records.bounds import MOST_LOG_BYTES, MOST_NOTE_CHARACTERS
from tests.support.commands import UNGUARDED, start_zygotes_of
from tests.support.faulty_runs import Ran, check_endings, check_the_others, lent
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


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch, lent(folder):
        start_zygotes_of(UNGUARDED, patch)
        yield folder


@pytest.fixture(scope="module")
def few(surroundings: Path) -> Ran:
    return Ran(HOSTILE, QUICK, surroundings / "few")


@pytest.fixture(scope="module")
def all_of_them(surroundings: Path) -> Ran:
    # Some send hundreds of thousands of messages before they are stopped.
    return Ran(HOSTILE, list(ENDINGS), surroundings / "all", time_limit=90)


def test_a_few_attacks_cost_a_row_each_with_the_right_reason(few: Ran) -> None:
    check_endings(few, ENDINGS, QUICK)
    check_the_others(few)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDINGS)
def test_an_attack_ends_in_its_own_row_for_the_right_reason(
    all_of_them: Ran, name: str
) -> None:
    check_endings(all_of_them, ENDINGS, [name])


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
