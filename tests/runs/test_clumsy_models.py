"""Models with honest slips: each costs its own row, and says what to mend."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clumsy_models import ENDINGS
from tests.support.faulty_runs import Ran, check_endings, check_the_others, lent

CLUMSY = Path(__file__).parents[1] / "support" / "clumsy_models.py"
QUICK = (
    "ASeries",
    "MasksWhatItCannotTell",
    "AColumn",
    "FitYields",
    "MisspellsAnArgument",
)


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("clumsy")
    with lent(folder):
        yield folder


@pytest.fixture(scope="module")
def few(surroundings: Path) -> Ran:
    return Ran(CLUMSY, QUICK, surroundings / "few")


@pytest.fixture(scope="module")
def all_of_them(surroundings: Path) -> Ran:
    return Ran(CLUMSY, list(ENDINGS), surroundings / "all")


def test_a_few_slips_cost_a_row_each_with_the_right_reason(few: Ran) -> None:
    check_endings(few, ENDINGS, QUICK)
    check_the_others(few)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDINGS)
def test_a_slip_ends_in_its_own_row_for_the_right_reason(
    all_of_them: Ran, name: str
) -> None:
    check_endings(all_of_them, ENDINGS, [name])


@pytest.mark.slow
def test_no_slip_costs_another_model_anything(all_of_them: Ran) -> None:
    check_the_others(all_of_them)
