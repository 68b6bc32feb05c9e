"""Plugins: discovery survives anything an installed package may do."""

from collections.abc import Iterable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from benchbox import ModelSpec, Options, hookimpl
from benchbox.errors import PluginError, UsageError
from benchbox.plugins.registry import Choice, Registry, discover
from benchbox.targets import (
    EQUIVALENT,
    load_file,
    resolve,
    source_digest,
    target_of,
)
from tests.support.entry_points import Point, found


def spec(name: str) -> ModelSpec:
    return ModelSpec(name=name, target="acme.models:Model", summary="a model")


def plugin(*names: str) -> Any:
    class Plugin:
        @hookimpl
        def benchbox_models(self) -> Iterable[ModelSpec]:
            return [spec(name) for name in names]

    return Plugin()


def reasons(registry: Registry) -> dict[str, str]:
    return {broken.origin.entry_point: broken.reason for broken in registry.broken}


class Misspelt:
    @hookimpl
    def benchbox_model(self) -> Iterable[ModelSpec]:
        return []


class WrongSignature:
    @hookimpl
    def benchbox_models(self, surprise: int) -> Iterable[ModelSpec]:
        return []


class Raising:
    @hookimpl
    def benchbox_models(self) -> Iterable[ModelSpec]:
        raise RuntimeError("no\nlicence")


class Silent:
    pass


def test_a_plugin_offers_models_under_its_own_name_and_version() -> None:
    registry = found(Point("models", plugin("zig", "zag")))

    offer = registry.find("models", "zig")

    assert offer.value == spec("zig")
    assert str(offer.origin) == "acme 1.2 (models)"
    assert not registry.broken


def test_the_core_offers_protocols_and_metrics_through_the_same_hooks() -> None:
    registry = found()

    assert registry.find("protocols", "kfold").origin.package == "benchbox-recsys"
    assert registry.all("metrics")[0].value.name == "rmse"


def test_five_broken_plugins_are_named_with_their_cause_and_the_sixth_works() -> None:
    registry = found(
        Point("absent", ImportError("No module named 'acme'")),
        Point("leaving", SystemExit(3)),
        Point("misspelt", Misspelt()),
        Point("signature", WrongSignature()),
        Point("raising", Raising()),
        Point("silent", Silent()),
        Point("good", plugin("zig")),
    )

    assert registry.find("models", "zig").origin.entry_point == "good"
    why = reasons(registry)
    assert set(why) == {
        "absent",
        "leaving",
        "misspelt",
        "signature",
        "raising",
        "silent",
    }
    assert "No module named 'acme'" in why["absent"]
    assert "SystemExit: 3" in why["leaving"]
    assert "'benchbox_model' that does not exist" in why["misspelt"]
    assert "Did you mean 'benchbox_models'?" in why["misspelt"]
    assert "surprise" in why["signature"]
    assert (
        why["raising"] == "fails in its hook benchbox_models: RuntimeError: no licence"
    )
    assert "no hook of benchbox" in why["silent"]


def test_two_plugins_with_one_name_hurt_only_whoever_asks_for_it() -> None:
    registry = found(
        Point("models", plugin("zig", "zag")), Point("models", plugin("zig"), "rival")
    )

    assert registry.find("models", "zag").origin.package == "acme"
    assert [offer.value.name for offer in registry.all("models")] == ["zag"]
    with pytest.raises(PluginError, match=r"acme 1.2 .* and rival 1.2 .* both offer"):
        registry.find("models", "zig")


def test_an_unknown_name_is_answered_with_the_nearest_and_all_known() -> None:
    registry = found(Point("models", plugin("zig", "zag")))

    with pytest.raises(UsageError, match=r"Did you mean 'zig'\? Available: zag, zig"):
        registry.find("models", "zigg")


def test_resolving_a_target_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("class Model: pass\n")

    assert resolve(f"{tmp_path}/mine.py:Model").__name__ == "Model"
    with pytest.raises(PluginError, match="Did you mean 'Model'"):
        resolve(f"{tmp_path}/mine.py:Modl")
    with pytest.raises(PluginError, match="no Python file"):
        resolve(f"{tmp_path}/yours.py:Model")
    with pytest.raises(PluginError, match="cannot be imported"):
        resolve("no_such_package.models:Model")


def test_a_models_module_in_a_file_can_define_options(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from benchbox import Options\n"
        "class Mine(Options, frozen=True):\n    epochs: int = 3\n"
    )

    assert issubclass(resolve(f"{tmp_path}/mine.py:Mine"), Options)


def test_the_source_digest_follows_the_source_and_imports_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "acme_models"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    before = source_digest("acme_models.deep:Model")
    (package / "deep.py").write_text("x = 1\n")
    after = source_digest("acme_models.deep:Model")

    assert before != after
    assert len(after) == 16


def test_every_installed_family_of_benchbox_loads() -> None:
    registry = discover()

    mine = [b for b in registry.broken if b.origin.package == "benchbox-recsys"]
    assert not mine
    assert len(registry.all("models")) >= 9
    assert len(registry.all("datasets")) >= 4


def test_every_bundled_model_states_what_it_is_and_what_it_costs() -> None:
    for offer in discover().all("models"):
        if offer.origin.package == "benchbox-recsys":
            assert offer.value.summary
            assert offer.value.cost_hint is not None
            assert callable(resolve(offer.value.target))


def test_points_without_a_distribution_are_attributed_to_nobody() -> None:
    point = EntryPoint("lost", "no_such_module_anywhere", "benchbox")

    registry = discover([point])

    assert registry.broken[0].origin.package == "unknown"


class Future:
    benchbox_api = 2


class Ancient:
    benchbox_api = 0


class Strange:
    @hookimpl
    def benchbox_models(self) -> Iterable[Any]:
        return ["zig", spec("Zag"), spec("zog")]


class Wrapping:
    @hookimpl(wrapper=True)
    def benchbox_models(self) -> Any:
        return (yield)


class Quitting:
    @hookimpl
    def benchbox_models(self) -> Iterable[Any]:
        raise SystemExit


def test_a_plugin_built_for_another_api_is_refused_with_a_remedy() -> None:
    why = reasons(found(Point("future", Future()), Point("ancient", Ancient())))

    assert why["future"] == (
        "needs plugin API 2, but this benchbox has 1. Update benchbox-recsys."
    )
    assert why["ancient"].endswith("Look for a newer version of it.")


def test_of_what_a_hook_returns_the_good_is_kept_and_the_bad_is_named() -> None:
    registry = found(Point("strange", Strange()))

    assert list(registry.offers["models"]) == ["zog"]
    first, second = (broken.reason for broken in registry.broken)
    assert "a str instead of a ModelSpec" in first
    assert "the name 'Zag'. Names are lower-case" in second


def test_a_class_a_wrapper_and_a_hook_that_quits_are_named_for_what_they_are() -> None:
    why = reasons(
        found(
            Point("class", Raising),
            Point("wrapping", Wrapping()),
            Point("quitting", Quitting()),
        )
    )

    assert "is a class" in why["class"]
    assert "wraps the hook benchbox_models" in why["wrapping"]
    assert "SystemExit" in why["quitting"]


def test_what_is_left_out_is_never_imported() -> None:
    points = (
        Point("models", SystemExit("imported")),
        Point("other", plugin("zig"), "Rival_Models"),
    )

    for without in (("acme",), ("models",)):
        registry = found(*points, without=without)
        assert [str(o) for o in registry.left_out] == ["acme 1.2 (models)"]
        assert not registry.broken
        assert registry.find("models", "zig")
    assert not found(*points, without=("acme", "rival-models")).offers["models"]
    assert not found(*points, without=("*",)).broken


def test_leaving_out_all_plugins_keeps_those_of_benchbox_itself() -> None:
    registry = discover(choice=Choice(without=("*",)))

    assert registry.find("models", "bias")
    assert {origin.package for origin in registry.plugins} == {"benchbox-recsys"}


def test_a_name_to_leave_out_that_nobody_has_is_reported() -> None:
    assert found(Point("a", plugin("b")), without=("acne", "a")).unknown == ["acne"]


def test_the_environment_leaves_plugins_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHBOX_WITHOUT", " autoencoders, acme ,")

    assert Choice.from_environment().without == ("autoencoders", "acme")
    assert "autorec-user" not in discover().offers["models"]


def test_a_file_is_a_plugin_where_it_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from benchbox import ModelSpec, Options, hookimpl\n"
        "class Settings(Options, frozen=True):\n    epochs: int = 3\n"
        "@hookimpl\ndef benchbox_models():\n    return [ModelSpec(name='mine', "
        "target=f'{__file__}:Mine', summary='mine', options=Settings)]\n"
        "class Mine: pass\n"
    )

    offer = found(files=(file,)).find("models", "mine")

    assert str(offer.origin) == str(file)
    assert resolve(offer.value.target).__name__ == "Mine"
    assert resolve(target_of(offer.value.options)).__name__ == "Settings"


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(f"where = {folder!r}\n")

    loaded = [load_file(tmp_path / folder / "mine.py") for folder in ("a", "b")]

    assert [module.where for module in loaded] == ["a", "b"]
    assert loaded[0].__name__ != loaded[1].__name__


def test_what_a_plugin_prints_stays_out_of_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "loud.py"
    file.write_text("print('hello')\n")

    found(files=(file,))

    assert capsys.readouterr().out == ""


def test_a_distribution_with_damaged_metadata_does_not_stop_the_others() -> None:
    damaged = Point("damaged", plugin("zag"))
    damaged.package = None  # type: ignore[assignment]

    registry = found(damaged, Point("good", plugin("zig")))

    assert registry.find("models", "zig")
    assert registry.find("models", "zag").origin.package == "unknown"


def test_a_package_can_state_that_its_source_stands_for_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "acme_moved"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    before = source_digest("acme_moved:Model")
    (package / "__init__.py").write_text("# Only a remark.\n")
    after = source_digest("acme_moved:Model")
    (package / EQUIVALENT).write_text(f"# Why.\n{after} {before}  # a remark\n\n")

    assert source_digest("acme_moved:Model") == before

    (package / "__init__.py").write_text("x = 1\n")

    assert source_digest("acme_moved:Model") not in (before, after)


@pytest.mark.parametrize(
    "file",
    sorted((Path(__file__).parents[2] / "plugins").glob(f"*/benchbox_*/{EQUIVALENT}")),
    ids=lambda file: file.parent.name,
)
def test_what_a_bundled_package_states_is_about_its_source_of_today(file: Path) -> None:
    lines = [
        line.split() for line in file.read_text().splitlines() if line[:1] not in "#"
    ]

    assert [source_digest(f"{file.parent.name}:")] == [earlier for _, earlier in lines]
