"""Sections: ranks over data sets, and what is said of pairs that stay open."""

from dataclasses import replace

from benchbox.analysis.statistics.intervals import Interval
from benchbox.reports.sections import sections
from benchbox.reports.sections.ranking import ranks
from tests.support.toy_analyses import analysis, pair

GOOD = {"a": 0.8, "b": 0.9, "c": 1.0}


def test_models_are_ranked_over_data_sets_by_their_mean_rank() -> None:
    boards = [
        analysis(GOOD, dataset="one"),
        analysis({"a": 0.95, "b": 0.9, "c": 1.0, "d": 0.1}, dataset="two"),
    ]

    (section,) = ranks(boards)

    assert section.headings == ["model", "mean rank", "one", "two"]
    assert section.cells == [
        ["a", "1.50", "0.8000", "0.9500"],
        ["b", "1.50", "0.9000", "0.9000"],
        ["c", "3.00", "1.0000", "1.0000"],
    ]
    assert "no two models do" in section.notes[0]


def test_ranks_that_tell_models_apart_name_them() -> None:
    boards = [analysis(GOOD, dataset=f"set {number}") for number in range(8)]

    (section,) = ranks(boards)

    assert "(Nemenyi): a and c." in section.notes[0]


def test_flawed_protocols_single_data_sets_and_two_models_are_not_ranked() -> None:
    two = {"a": 0.8, "b": 0.9}

    assert ranks([analysis(GOOD), analysis(GOOD)]) == []
    assert ranks([analysis(GOOD), analysis(GOOD, dataset="x", flaw="copying")]) == []
    assert ranks([analysis(two), analysis(two, dataset="boats")]) == []


def test_what_would_settle_an_open_pair_is_told() -> None:
    found = sections(analysis(GOOD, [pair("a", "b")]))

    (section,) = [s for s in found if s.name == "settle"]
    assert section.cells == [["a – b", section.cells[0][1], "1,234", "?", "1"]]
    assert section.records[0]["users_to_settle"] == 1234


def test_verdicts_that_seeds_or_a_few_users_explain_are_marked() -> None:
    told = replace(
        pair("a", "b"),
        effect=replace(
            pair("a", "b").effect,
            difference=-0.1,
            interval=Interval(-0.2, -0.05),
            p_value=0.01,
            p_users=0.01,
            share_better=0.2,
        ),
        seeds_may_explain=True,
    )

    found = {s.name: s for s in sections(analysis(GOOD, [told]))}

    assert found["pairs"].cells[0][1] == "better ‡ §"
    assert found["pairs"].records[0]["by_few"] is True
    assert found["settle"].cells[0][0] == "a – b"


def test_many_pairs_are_shown_against_the_best_and_told_in_full_to_programs() -> None:
    pairs = [pair("a", f"m{k}") for k in range(6)]
    pairs += [pair(f"m{k}", "c") for k in range(6)]

    found = sections(analysis(GOOD, pairs))

    (section,) = [s for s in found if s.name == "pairs"]
    assert len(section.cells) == 6
    assert len(section.records) == 12
    assert "Shown are the pairs with a; JSON and CSV hold all 12." in section.notes[0]


def test_nothing_is_shown_of_a_stage_without_a_whole_model() -> None:
    assert sections(analysis({})) == []
