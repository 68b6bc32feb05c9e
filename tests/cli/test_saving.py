"""`benchbox fit`, `predict` and `recommend`: saving a model and using it."""

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace

from benchbox.cli import main
from benchbox.models import fit_bias_model
from benchbox.plugins.registry import discover
from benchbox.runs.saved.files import read_record, write_record
from benchbox.runs.saved.model import SavedModel
from benchbox.runs.trust import Trust
from tests.support.commands import PLANTED, Benchbox, Lender

ITEMS = [f"film-{n:02d}" for n in range(12)]


def checkerboard() -> str:
    """Even users love even films and hate odd ones; odd users the reverse."""
    draw = np.random.default_rng(0)
    lines = ["user,item,rating"]
    for user in range(40):
        for item in draw.permutation(12)[:8]:
            rating = 5 if (user + item) % 2 == 0 else 1
            lines.append(f"u{user},{ITEMS[item]},{rating}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    file = tmp_path / "ratings.csv"
    file.write_text(checkerboard())
    return file


@pytest.fixture(scope="module")
def saved_once(tmp_path_factory: pytest.TempPathFactory, lender: Lender) -> Path:
    """A saved bias model."""
    folder = tmp_path_factory.mktemp("once")
    file, saved = folder / "ratings.csv", folder / "saved"
    file.write_text(checkerboard())
    with pytest.MonkeyPatch.context() as patched:
        lender.serve(patched)
        assert main(["fit", "bias", "-d", str(file), "--out", str(saved)]) == 0
    return saved


@pytest.fixture
def saved(saved_once: Path, tmp_path: Path) -> Path:
    """A copy of it in the folder that commands run in."""
    return Path(shutil.copytree(saved_once, tmp_path / "saved"))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Somebody new, who loves even films."""
    file = tmp_path / "own.csv"
    file.write_text("item,rating\nfilm-00,5\nfilm-02,5\nfilm-01,1\nfilm-03,1\n")
    return file


def load(folder: Path) -> SavedModel:
    return SavedModel.load(folder, Trust(discover(), files=(PLANTED,)))


QUICK = {"bias", "svd", "biased-mf"}
EVERY_MODEL = [
    pytest.param(
        offer.value,
        id=offer.value.name,
        marks=() if offer.value.name in QUICK else pytest.mark.slow,
    )
    for offer in discover().all("models")
]


@pytest.mark.parametrize("spec", EVERY_MODEL)
def test_every_bundled_model_is_saved_and_predicts_as_before(
    spec, benchbox: Benchbox, ratings: Path
) -> None:
    done = benchbox(f"fit {spec.name} -d {ratings} --out saved --threads 1")
    assert done.code == 0, done.err
    assert "fitted to 320 ratings" in done.out

    folder = Path("saved")
    saved = load(folder)
    users, items = ["u1", "u2", "u39"], ["film-00", "film-01", "film-11"]
    predicted = saved.predict(users, items)

    assert predicted.shape == (3,)
    assert np.isfinite(predicted).all()
    assert np.array_equal(predicted, load(folder).predict(users, items))
    assert saved.record.model.name == spec.name


def test_a_saved_model_predicts_what_the_fitted_one_did(
    benchbox: Benchbox, ratings: Path
) -> None:
    from benchbox_autoencoders.models import ItemAutoencoder, UserAutoencoder
    from benchbox_autoencoders.options import AutoencoderOptions

    from benchbox import FitContext

    benchbox(f"fit bias -d {ratings} --out saved")
    train = load(Path("saved")).ratings
    everything = train.users, train.items
    for kind in (UserAutoencoder, ItemAutoencoder):
        options = AutoencoderOptions(hidden_units=(4, 3, 4), tied=True, epochs=3)
        fitted, restored = kind(options), kind(options)
        fitted.fit(train, FitContext())
        restored.restore({k: np.asarray(v) for k, v in fitted.state().items()})

        expected = fitted.predict(train, *everything)
        assert np.array_equal(expected, restored.predict(train, *everything))


@pytest.mark.parametrize(
    "model",
    [pytest.param("autorec-user:epochs=40", marks=pytest.mark.slow), "biased-mf"],
)
def test_somebody_new_is_recommended_what_people_alike_love(
    model, benchbox: Benchbox, ratings: Path, own: Path
) -> None:
    assert benchbox(f"fit {model} -d {ratings} --out saved").code == 0

    done = benchbox(f"recommend saved --user-file {own} -k 3 --json")

    best = json.loads(done.out)
    assert done.code == 0
    assert {item["item"] for item in best} <= {f"film-{n:02d}" for n in (4, 6, 8, 10)}
    assert [item["predicted"] for item in best] == sorted(
        (item["predicted"] for item in best), reverse=True
    )


def test_a_known_user_is_recommended_what_they_have_not_rated(
    benchbox: Benchbox, ratings: Path
) -> None:
    benchbox(f"fit biased-mf-sgd:epochs=2 -d {ratings} --out saved")
    rated = {
        line.split(",")[1]
        for line in ratings.read_text().splitlines()
        if line.startswith("u7,")
    }

    done = benchbox("recommend saved --user u7 -k 50 --json")

    assert {item["item"] for item in json.loads(done.out)} == set(ITEMS) - rated


def test_titles_are_shown_and_understood(benchbox: Benchbox, tmp_path: Path) -> None:
    # svd-toy has no titles, so ids stand alone.
    benchbox("fit svd -d svd-toy --out saved")
    saved = load(Path("saved"))
    table = saved.ratings.item_features or {}
    assert not table
    done = benchbox(f"recommend saved --user {saved.ratings.user_ids[1]} -k 2")

    assert done.code == 0
    assert done.out.splitlines()[0].split() == ["rating", "item", "title"]
    assert len(done.out.splitlines()) == 4


def test_pairs_are_predicted_in_their_order(benchbox: Benchbox, saved: Path) -> None:
    Path("pairs.csv").write_text("item,user\nfilm-01,u2\nfilm-00,u1\n")

    done = benchbox("predict saved pairs.csv")
    written = benchbox("predict saved pairs.csv --out predicted.csv")

    lines = done.out.splitlines()
    assert lines[0] == "item,user,prediction"
    pairs, predicted = zip(*(line.rsplit(",", 1) for line in lines[1:]), strict=True)
    assert pairs == ("film-01,u2", "film-00,u1")
    assert all(1 <= float(value) <= 5 for value in predicted)
    assert Path("predicted.csv").read_text() == done.out
    assert "2 predictions in predicted.csv" in written.err
    first, second = json.loads(benchbox("predict saved pairs.csv --json").out)
    assert (first["item"], second["user"]) == ("film-01", "u1")
    assert f"{first['prediction']:.4f}" == predicted[0]


# Pairs, as people have them.


def test_columns_come_back_by_their_names_and_in_their_order(
    benchbox: Benchbox, saved: Path
) -> None:
    Path("p.csv").write_text(
        'movieId,note,userId\nfilm-01,"a, b",u2\nfilm-00,,u1\n', encoding="utf-8"
    )

    lines = benchbox("predict saved p.csv").out.splitlines()

    assert lines[0] == "movieId,note,userId,prediction"
    assert lines[1].startswith('film-01,"a, b",u2,')
    assert lines[2].startswith("film-00,,u1,")


def test_unknown_users_and_items_are_predicted_by_the_bias_model_and_counted(
    benchbox: Benchbox, ratings: Path
) -> None:
    benchbox(f"fit svd -d {ratings} --out saved")
    Path("p.csv").write_text("user,item\nu1,film-00\nx,film-00\nu1,y\nx,y\nx,film-01\n")

    done = benchbox("predict saved p.csv")

    saved = load(Path("saved"))
    known, *filled = (float(ln.rpartition(",")[2]) for ln in done.out.split()[1:])
    assert done.code == 0
    assert known == pytest.approx(saved.predict(["u1"], ["film-00"])[0], abs=1e-4)
    bias = fit_bias_model(saved.ratings)
    user, item = np.flatnonzero(saved.ratings.user_ids == "u1")[0], 0
    expected = [
        bias.mean + bias.item_bias[0],
        bias.mean + bias.user_bias[user],
        bias.mean,
        bias.mean + bias.item_bias[1],
    ]
    assert saved.ratings.item_ids is not None
    assert saved.ratings.item_ids[item] == "film-00"
    assert filled == pytest.approx(expected, abs=1e-4)
    assert done.err == (
        "benchbox: the bias model predicts 4 of 5 pairs: the model was fitted without "
        "1 user (such as 'x') and 1 item (such as 'y').\n"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.csv", "user,item\nu1,film-00\n"),
        ("p.csv", "user, item\nu1, film-00\n"),
        ("p.csv", "\ufeffuser,item\r\nu1,film-00\r\n"),
        ("p.csv", "user;item\nu1;film-00\n"),
        ("p.tsv", "user\titem\nu1\tfilm-00\n"),
        ("p.dat", "user::item\nu1::film-00\n"),
        ("p.txt", "u1 film-00\n"),
        ("p.csv", "u1,film-00\n"),
        ("p.csv.gz", "user,item\nu1,film-00\n"),
        ("p.parquet", "user,item\nu1,film-00\n"),
    ],
)
def test_pairs_are_read_as_ratings_are(
    name: str, text: str, benchbox: Benchbox, saved: Path
) -> None:
    if name.endswith(".parquet"):
        pd.read_csv(io.StringIO(text)).to_parquet(name)
    elif name.endswith(".gz"):
        Path(name).write_bytes(gzip.compress(text.encode()))
    else:
        Path(name).write_text(text, encoding="utf-8", newline="")

    done = benchbox(f"predict saved {name}")

    header, line = done.out.splitlines()
    assert done.err == ""
    assert header == "user,item,prediction"
    assert line.startswith("u1,film-00,")


def test_unusual_names_of_columns_are_given(benchbox: Benchbox, saved: Path) -> None:
    Path("p.csv").write_text("who,what\nu1,film-00\n")

    done = benchbox("predict saved p.csv --columns user=who,item=what")

    assert done.out.startswith("who,what,prediction\nu1,film-00,")


def test_of_two_columns_that_could_be_the_item_the_one_that_run_reads_is_read(
    benchbox: Benchbox, saved: Path
) -> None:
    Path("p.csv").write_text("asin,parent_asin,customer_id\nx,film-00,u1\n")

    done = benchbox("predict saved p.csv")

    assert done.err == ""
    assert done.out.startswith("asin,parent_asin,customer_id,prediction\nx,film-00,u1")


def test_separator_and_encoding_are_given_as_for_ratings(
    benchbox: Benchbox, saved: Path
) -> None:
    Path("p.csv").write_bytes("user|item|name\nu1|film-00|Zoë\n".encode("latin-1"))

    refused = benchbox("predict saved p.csv")
    done = benchbox("predict saved p.csv:encoding=latin-1,delimiter=|")

    assert "State the encoding, as in encoding=latin-1" in refused.err
    assert done.out.startswith("user,item,name,prediction\nu1,film-00,Zoë,")


def test_a_file_of_pairs_may_be_called_anything(
    benchbox: Benchbox, saved: Path
) -> None:
    Path("a:b=c,d.csv").write_text("user,item\nu1,film-00\n")

    assert benchbox("predict saved a:b=c,d.csv").code == 0


def test_a_pipe_is_read_to_its_end(benchbox: Benchbox, saved: Path) -> None:
    os.mkfifo("pipe.csv")

    def write() -> None:
        Path("pipe.csv").write_text("user,item\n" + "u1,film-00\n" * 3000)

    writer = threading.Thread(target=write)
    writer.start()
    done = benchbox("predict saved pipe.csv")
    writer.join()

    assert len(done.out.splitlines()) == 3001


def test_predictions_in_a_file_are_utf_8_in_any_locale(
    saved: Path, tmp_path: Path
) -> None:
    Path(tmp_path, "p.csv").write_text("user,item\nä,film-00\n", encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "benchbox", "predict", "saved", "p.csv", "--out", "o"],
        env={
            **os.environ,
            "LC_ALL": "C",
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
        },
        cwd=tmp_path,
        check=True,
    )

    assert Path(tmp_path, "o").read_text("utf-8").splitlines()[1].startswith("ä,film")


# Ids that look like something else.


@pytest.mark.parametrize(
    ("typed", "code"), [("ä", 0), ("\udcc3\udca4", 0), ("\udce4", 2), ("\0", 2)]
)
def test_a_user_is_known_by_what_was_typed_in_any_locale(
    typed: str, code: int, benchbox: Benchbox
) -> None:
    Path("r.csv").write_text("user,item,rating\nä,a,1\nb,b,5\n", encoding="utf-8")
    assert benchbox("fit bias -d r.csv --out m").code == 0

    done = benchbox(f"recommend m --user '{typed}'")

    assert done.code == code
    assert done.err.count("\n") == (1 if code else 0)


@pytest.mark.parametrize("user", ["u1@shop.test", "1.0", "a/b", "-3", "me.csv", "7"])
def test_a_user_is_known_by_any_id_and_never_taken_for_a_file(
    user: str, benchbox: Benchbox
) -> None:
    lines = [f"{user},a,1", f"{user},b,5", "other,a,2", "other,b,4", "other,c,5"]
    Path("r.csv").write_text("\n".join(["user,item,rating", *lines, ""]))
    assert benchbox("fit bias -d r.csv --out m").code == 0
    if "/" not in user:
        Path(user).write_text("")  # A file called like the id.

    done = benchbox(f"recommend m --user={user}")

    assert done.code == 0, done.err
    assert done.out.splitlines()[2].split()[2] == "c"


def test_a_model_of_one_s_own_is_saved_if_it_says_how(
    benchbox: Benchbox, ratings: Path
) -> None:
    assert benchbox(f"fit planted.py:Savable -d {ratings} --out saved").code == 0
    Path("pairs.csv").write_text("user,item\nu1,film-00\n")

    done = benchbox("predict saved pairs.csv --code planted.py")

    assert done.out.splitlines()[1].startswith("u1,film-00,")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("fit planted.py:Honest -d {data} --out new", "no method 'state'"),
        ("fit planted.py:Raises -d {data} --out new", "ended as failed: Runtime"),
        ("fit bias -d {data} --out saved", "exists. Choose another --out"),
        ("fit biass -d {data} --out new", "Did you mean 'bias'?"),
        ("fit bias -d {data} --device cuda:7 --out new", "not on this machine"),
        ("predict nowhere pairs.csv", "benchbox fit MODEL --out nowhere"),
        ("predict saved nothing.csv", "Cannot read nothing.csv: No such file"),
        ("predict saved own.csv", "has no column user"),
        ("predict saved short.csv", "line 2 has 1 column instead of 2"),
        ("predict saved asked.csv", "has a column prediction already"),
        ("predict saved who.csv", "no column user. Its columns: who, what"),
        ("predict saved who.csv --columns user=whom", "no column 'whom'"),
        ("predict saved who.csv:sep=tab", "no option 'sep'"),
        ("predict saved who.csv --columns x=y", "'x=y' in --columns 'x=y' is invalid"),
        ("recommend saved --user nobody", "without user 'nobody'"),
        ("recommend saved --user own.csv", "write --user-file own.csv"),
        ("recommend saved --user-file no.csv", "Cannot read no.csv: No such file"),
        ("recommend saved", "Give --user with the id"),
        ("recommend saved --user u1 --user-file own.csv", "Give --user with the id"),
        ("recommend saved --user-file strange.csv", "has no column rating"),
        ("recommend saved --user-file off.csv", "rating 9 of item 'film-00' is off"),
        (
            "recommend saved --user-file words.csv",
            "line 2: the rating 'good' is not a number",
        ),
        ("recommend saved --user-file twice.csv", "rates item 'film-00' twice"),
        ("recommend saved --user-file none.csv", "has no ratings"),
        ("recommend saved --user-file title.csv", "No item with the title 'Up'"),
        ("recommend saved --user-file own.csv", "not inductive"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing_behind(
    line, said, benchbox: Benchbox, saved: Path, ratings: Path, own: Path
) -> None:
    if "not inductive" in said:
        record = read_record(Path("saved"))
        can = replace(record.model.capabilities, inductive=False)
        model = replace(record.model, capabilities=can)
        write_record(Path("saved"), replace(record, model=model))
    for name, text in {
        "strange.csv": "user,item\nu1,film-99\n",
        "short.csv": "user,item\nu1\n",
        "asked.csv": "user,item,prediction\nu1,film-00,5\n",
        "who.csv": "who,what\nu1,film-00\n",
        "off.csv": "item,rating\nfilm-00,9\n",
        "words.csv": "item,rating\nfilm-00,good\n",
        "twice.csv": "item,rating\nfilm-00,5\nfilm-00,4\n",
        "none.csv": "item,rating\n",
        "title.csv": "title,rating\nUp,5\n",
    }.items():
        Path(name).write_text(text)
    before = sorted(Path().iterdir())

    done = benchbox(line.format(data=ratings))

    assert done.code in (1, 2)
    assert said in done.err
    assert done.err.count("\n") == 1
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize("damage", ["{", '{"format": 1}'])
def test_a_damaged_record_is_one_line(damage, benchbox: Benchbox, saved: Path) -> None:
    Path("saved/model.json").write_text(damage)
    Path("pairs.csv").write_text("user,item\nu1,film-00\n")

    done = benchbox("predict saved pairs.csv")

    assert done.code == 1
    assert "not a saved model of this version" in done.err


def test_a_model_that_reads_timestamps_is_not_fitted_to_ratings_without(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    done = benchbox("fit planted.py:Timed -d svd-toy --out saved")

    assert done.code == 2
    assert "Timed needs timestamps, and svd-toy has none. Choose another" in done.err
    assert not (tmp_path / "saved").exists()
