"""The page for authors: every hook is on it, and its example plugin works."""

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest

from benchbox.plugins.registry import EVENTS, HOOKS, KINDS, discover
from tests.support.commands import Benchbox
from tests.support.planted_packages import plant

PAGE = (Path(__file__).parents[2] / "plugins" / "README.md").read_text()


def blocks(language: str) -> dict[str, str]:
    """Return the code under the heading of each hook, by hook."""
    sections = re.split(r"^##+ ", PAGE, flags=re.MULTILINE)
    found = {}
    for section in sections:
        heading = section.partition("\n")[0].strip("`")
        if heading.startswith("benchbox_"):
            code = re.findall(rf"```{language}\n(.*?)```", section, flags=re.DOTALL)
            found[heading] = "\n\n".join(code)
    return found


CARD = blocks("toml")["benchbox_datasets"]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page's examples, installed as the plugin they say they are."""
    site = tmp_path / "site"
    file = plant(site, "benchbox-acme", "\n\n".join(blocks("python").values()))
    file.with_suffix(".toml").write_text(CARD)
    monkeypatch.syspath_prepend(str(site))
    return "benchbox-acme"


def test_every_hook_has_its_heading_and_an_example_in_the_order_of_hookspecs() -> None:
    examples = blocks("python")

    assert tuple(examples) == HOOKS
    for hook, code in examples.items():
        assert f"@hookimpl\ndef {hook}(" in code


def test_the_example_plugin_offers_something_by_every_hook(page: str) -> None:
    registry = discover()

    assert registry.broken == []
    (origin,) = [o for o in registry.plugins if o.package == page]
    assert registry.plugins[origin] == list(HOOKS)
    for kind in KINDS:
        assert registry.offered_by(origin, kind), kind


def test_what_the_example_plugin_offers_works_and_it_is_told_of_everything(
    page: str, benchbox: Benchbox
) -> None:
    run = benchbox("run --suite acme-quick --executor acme-quiet")
    told = (run.folder.path / "journal.txt").read_text()
    report = benchbox("report last --format acme-list")
    verify = benchbox("verify --claim acme-toy --json")

    assert run.code == 0, run.err
    assert "within ½" in run.out
    assert "slowest s" in run.out
    assert "slowest-fit" in (run.folder.path / "table.csv").read_text()
    assert "svd-toy · every" in run.out
    lines = dict(line.split(": ") for line in report.out.splitlines())
    assert set(lines) == {"shrunk-mean:preset=sparse", "bias"}
    assert verify.code == 0, verify.err
    assert '"agrees"' in verify.out
    assert len(told.splitlines()) == 1 + 2 * 2 + 1
    for words in ("2 trials into", "bias on every, seed", "bias: ok {", "finished"):
        assert words in told
    assert len(EVENTS) == 4


def test_the_example_metrics_are_shown_and_models_are_compared_by_them(
    page: str, benchbox: Benchbox
) -> None:
    data = "-d synthetic:n_users=60,n_items=40,n_ratings=1200 -p kfold:n_folds=2"
    benchbox(f"run {data} -m bias -m global-mean")
    (stage,) = json.loads(benchbox("stats -f json --metric within-half").out)["stages"]
    table = benchbox("report last -f markdown").out
    refused = benchbox("stats --metric median-error")

    assert "within ½ %" in table
    assert "median AE" in table
    (pair,) = stage["pairs"]
    assert (pair["first"], pair["verdict"]) == ("bias", "better")
    assert pair["difference"] > 0
    assert "slice_within-half" in stage["rating"][0]
    assert refused.code == 2


def test_the_example_data_set_is_listed(page: str, benchbox: Benchbox) -> None:
    assert "acme-books" in benchbox("list datasets").out


def test_the_example_source_fetches_what_a_card_asks_for(
    page: str, benchbox: Benchbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [(u, (7 * u + 16 * n) % 400) for u in range(1000) for n in range(25)]
    rows = [f"{user},{book},{1 + user % 5}" for user, book in pairs]
    books = "\n".join(["reader,book,stars", *rows, ""]).encode()
    source = blocks("toml")["benchbox_sources"]
    card = re.sub(r"\[\[sources\]\]\n(.+\n)+", source, CARD)
    known = card.replace("<sha256>", hashlib.sha256(books).hexdigest())
    (tmp_path / "site" / "benchbox_acme.toml").write_text(known)
    (tmp_path / "server" / "books").mkdir(parents=True)
    (tmp_path / "server" / "books" / "ratings.csv").write_bytes(books)
    monkeypatch.delenv("BENCHBOX_OFFLINE")

    unmounted = benchbox("data fetch acme-books")
    monkeypatch.setenv("ACME_MIRROR", str(tmp_path / "server"))
    fetched = benchbox("data fetch acme-books")
    shown = benchbox("data show acme-books")

    assert unmounted.code == 1
    assert "the file server of Acme is not mounted: set ACME_MIRROR" in unmounted.err
    assert fetched.out == "acme-books: the file server of Acme\n", fetched.err
    for part in ("25,000", "the file server of Acme, from the cache"):
        assert part in shown.out
    assert re.search(r"redistributable +yes\n", shown.out)


def test_the_example_model_keeps_every_promise(page: str, benchbox: Benchbox) -> None:
    done = benchbox("plugins check shrunk-mean")

    assert done.code == 0, done.out


@pytest.mark.parametrize(
    "name",
    [
        "prepare(device)",
        "benchbox.models.is_accelerator",
        "state()",
        "restore(state)",
        "ModelSpec.search",
        "benchbox_api",
        "uses_timestamps",
        "RemoteFiles",
        "LocalFiles",
        "PassedOverError",
        "check_reachable()",
        "--without",
        "--no-plugins",
        "--plugin",
        "BENCHBOX_WITHOUT",
        "ModelContract",
        "DatasetContract",
        "benchbox_trial",
        "benchbox new",
        "benchbox plugins check",
        "benchbox compare",
    ],
)
def test_the_page_tells_of_what_authors_need(name: str) -> None:
    assert name in PAGE


def test_commands_of_the_page_are_shell() -> None:
    for code in re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL):
        subprocess.run(["bash", "-n", "-c", code], check=True)


def test_links_of_the_page_lead_somewhere() -> None:
    folder = Path(__file__).parents[2] / "plugins"
    headings = {
        re.sub(r"[^a-z -]", "", line.lower()).strip().replace(" ", "-")
        for line in re.findall(r"^##+ (.*)$", PAGE, flags=re.MULTILINE)
    }
    for link in re.findall(r"\]\(([^)]+)\)", PAGE):
        if link.startswith("#"):
            assert link[1:] in headings
        else:
            assert (folder / link).exists(), link


def test_the_example_of_a_class_in_a_file_works_as_printed(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    _, _, code = PAGE.partition("# my_model.py\n")
    (tmp_path / "my_model.py").write_text(code.partition("```")[0])

    options = "damping=2,layers=8-4,act=relu"
    done = benchbox(f"run -d svd-toy -p new-users -m my_model.py:MyModel:{options}")

    assert done.code == 0, done.err
    (model,) = done.folder.read_run().models
    assert model.options == {"damping": 2.0, "layers": [8, 4], "act": "relu"}
    assert not model.capabilities.stochastic
