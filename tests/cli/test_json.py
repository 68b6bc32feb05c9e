"""Every command that prints data prints them as JSON too."""

import json

import pytest


@pytest.mark.parametrize("what", ["folds", "audit"])
def test_folds_and_their_audit_are_printed_as_json(benchbox, what) -> None:
    done = benchbox(f"data {what} svd-toy -p kfold:n_folds=2 -p holdout --json")

    first, second = json.loads(done.out)
    assert done.code == 0
    assert first["data"] == "svd-toy · kfold:n_folds=2"
    assert [fold["name"] for fold in first["folds"]] == ["k1", "k2"]
    assert all(
        fold["n_hidden"] > 0 and len(fold["id"]) == 32 for fold in second["folds"]
    )
    assert first["leaks"] is False
    assert first["folds"][0]["findings"][0]["severity"] == "warning"


def test_what_is_known_of_a_data_set_is_printed_as_json(benchbox) -> None:
    here = json.loads(benchbox("data show svd-toy --json").out)
    away = json.loads(benchbox("data show ml-20m --json").out)

    assert here["name"] == "svd-toy"
    assert here["ratings"].endswith("of all pairs)")
    assert isinstance(here["warning"], list)
    assert away["files"].startswith("not on this machine")
