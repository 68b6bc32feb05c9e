"""Suites: those offered name what is there, and files that are none say so."""

from pathlib import Path

import msgspec
import pytest

from benchbox.errors import PluginError
from benchbox.options import decode, split_choice
from benchbox.plugins.registry import discover
from benchbox.plugins.suites import suite_from_toml
from benchbox.records.config import Case, RunConfig


def cases() -> list[Case]:
    registry = discover()
    configs = [
        msgspec.convert(dict(offer.value.settings), RunConfig)
        for offer in registry.all("suites")
    ]
    return [case for config in configs for case in config.cases]


def test_the_five_tutorials_have_a_suite() -> None:
    suite = discover().find("suites", "seeds").value

    assert "five tutorials" in suite.summary
    titles = {case.title[:2] for case in cases()}
    assert titles == {"S0", "S1", "S2", "S3", "S4"}


def test_each_tutorial_is_judged_on_hidden_ratings() -> None:
    protocols = {p.value.name: p.value for p in discover().all("protocols")}
    honest = {
        case.title[:2]
        for case in cases()
        if not protocols[split_choice(case.protocol)[0]].flaw
    }

    assert honest == {"S0", "S1", "S2", "S3", "S4"}


@pytest.mark.parametrize("case", cases(), ids=lambda c: f"{c.title} {c.protocol}")
def test_what_a_case_names_is_installed(case: Case) -> None:
    registry = discover()
    for kind, texts in (
        ("models", case.models),
        ("protocols", (case.protocol,)),
        ("datasets", (case.dataset, *case.instead)),
    ):
        for text in texts:
            name, settings = split_choice(text)
            offered = registry.find(kind, name).value
            record = offered.options_type() if kind == "datasets" else offered.options
            preset = settings.pop("preset", None)
            values = dict(offered.presets[preset]) if preset else {}
            decode(record, values | settings, name)


@pytest.mark.parametrize("case", cases(), ids=lambda c: f"{c.title} {c.protocol}")
def test_the_claims_of_a_case_are_about_what_it_runs(case: Case) -> None:
    for name in case.claims:
        claim = discover().find("claims", name).value
        assert (claim.dataset, claim.protocol) == (case.dataset, case.protocol)
        assert claim.model in case.models


def test_a_suite_is_known_by_the_name_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('summary = "mine"\nmodels = ["bias"]\n')

    suite = suite_from_toml(tmp_path / "mine.toml")

    assert (suite.name, suite.summary) == ("mine", "mine")
    assert suite.settings == {"models": ["bias"]}


def test_keys_of_a_suite_may_be_the_long_names_of_options(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'model = ["bias"]\ntime-limit = 20\nmemory-limit = 1.5\n'
        "keep-predictions = false"
    )

    suite = suite_from_toml(tmp_path / "mine.toml")

    config = msgspec.convert(dict(suite.settings), RunConfig)
    assert config.models == ("bias",)
    assert (config.time_limit_seconds, config.memory_limit_gib) == (20, 1.5)
    assert not config.keep_predictions


def test_a_setting_given_under_two_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text('model = ["bias"]\nmodels = ["svd"]\n')

    with pytest.raises(PluginError, match=r"two\.toml has two values for models"):
        suite_from_toml(tmp_path / "two.toml")


@pytest.mark.parametrize("content", ["models = [", b"\xff\xfe".decode("latin-1")])
def test_a_file_that_is_no_suite_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "bad.toml").write_text(content)

    with pytest.raises(PluginError, match=r"bad\.toml cannot be read as a suite"):
        suite_from_toml(tmp_path / "bad.toml")
    with pytest.raises(PluginError, match=r"none\.toml cannot be read as a suite"):
        suite_from_toml(tmp_path / "none.toml")
