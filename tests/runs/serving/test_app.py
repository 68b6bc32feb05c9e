"""The JSON interface to try a model: what it answers, and what it refuses."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from benchbox.metrics import NormalDistribution, StepDistribution, interval_of
from benchbox.runs.serving.answers import Answers
from benchbox.runs.serving.app import application
from tests.support.served import N_ITEMS, served_model

testing = pytest.importorskip("starlette.testclient")

HOME = "http://127.0.0.1:8321"


def client_of(**what):
    return testing.TestClient(
        application(Answers(served_model(**what)), 8321), base_url=HOME
    )


@pytest.fixture(scope="module")
def client():
    with client_of() as found:
        yield found


EVEN = {"ratings": {"i10": 5, "i12": 5}, "k": 4}


def test_recommendations_follow_the_ratings_and_leave_out_what_is_rated(client) -> None:
    even = client.post("/api/recommend", json=EVEN).json()
    odd = client.post("/api/recommend", json={"ratings": {"i11": 5}, "k": 4}).json()

    assert [int(one["item"][1:]) % 2 for one in even] == [0] * 4
    assert [int(one["item"][1:]) % 2 for one in odd] == [1] * 4
    assert not {"i10", "i12"} & {one["item"] for one in even}
    assert all(one["predicted"] == 4.5 for one in even)


def test_each_prediction_has_its_interval_if_the_model_has_one(client) -> None:
    (one,) = client.post(
        "/api/predict", json={"ratings": {"i10": 5}, "items": ["i20"]}
    ).json()
    with client_of(sure=False) as unsure:
        (other,) = unsure.post(
            "/api/predict", json={"ratings": {"i10": 5}, "items": ["i20"]}
        ).json()

    assert one["title"] == "Film 20"
    assert one["low"] == pytest.approx(4.5 - 1.2816 * 0.5, abs=1e-3)
    assert one["high"] == 5.0
    assert (other["low"], other["high"]) == (None, None)


def test_a_search_finds_all_words_and_the_most_rated_first(client) -> None:
    found = client.get("/api/items", params={"search": "FILM 2"}).json()

    assert {one["title"] for one in found} >= {"Film 20", "Film 29"}
    n_ratings = [one["n_ratings"] for one in found]
    assert n_ratings == sorted(n_ratings, reverse=True)
    assert client.get("/api/items", params={"search": "nothing"}).json() == []
    assert len(client.get("/api/items", params={"limit": "3"}).json()) == 3


def test_a_batch_answers_a_thousand_users_each_for_itself(client) -> None:
    users = [{"user": f"u{n % 20}"} for n in range(997)]
    users += [{"ratings": {"i11": 5}}, {"user": "nobody"}, {}]

    found = client.post("/api/batch", json={"users": users, "k": 2}).json()

    assert len(found) == 1000
    assert all(len(one["items"]) == 2 for one in found[:998])
    assert found[0]["items"] == found[20]["items"]
    assert "without user 'nobody'" in found[998]["error"]
    assert "Give the id of a user" in found[999]["error"]


def test_it_refuses_what_predict_refuses(client) -> None:
    def refusal(question, path="/api/recommend", by=client):
        answer = by.post(path, json=question)
        assert answer.status_code == 422
        return answer.json()["error"]

    assert "without user 'x'" in refusal({"user": "x"})
    assert "without item 'x'" in refusal({"ratings": {"x": 5}})
    assert "off the scale" in refusal({"ratings": {"i1": 9}})
    assert "not both" in refusal({"user": "u1", "ratings": {"i1": 5}})
    assert "without item 'x'" in refusal({"user": "u1", "items": ["x"]}, "/api/predict")
    with client_of(inductive=False) as other:
        assert "not inductive" in refusal({"ratings": {"i1": 5}}, by=other)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/api/recommend", b"{"),
        ("/api/recommend", b"\xff"),
        ("/api/recommend", b"[" * 100_000),
        ("/api/recommend", b'{"user": "u1", "k": 0}'),
        ("/api/recommend", b'{"user": "u1", "kk": 3}'),
        ("/api/recommend", b'{"ratings": {"i1": NaN}}'),
        ("/api/batch", json.dumps({"users": [{}] * 1001}).encode()),
        ("/api/predict", json.dumps({"items": ["i1"] * 1001}).encode()),
    ],
)
def test_what_is_no_question_is_refused_in_a_sentence(client, path, content) -> None:
    answer = client.post(path, content=content, headers=JSON)

    assert answer.status_code == 400
    assert len(answer.json()["error"]) > 10


JSON = {"content-type": "application/json"}


def test_a_long_question_is_refused_before_it_is_read_whole(client) -> None:
    answer = client.post("/api/batch", content=b" " * (9 << 20), headers=JSON)

    assert answer.status_code == 413


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1:80"},
        {"host": ""},
        {"origin": "http://evil.example"},
        {"origin": "null"},
    ],
    ids=str,
)
def test_no_other_site_reaches_it(client, headers) -> None:
    for path in ("/", "/api/model", "/page.js"):
        assert client.get(path, headers=headers).status_code == 403


def test_a_form_of_another_page_is_refused(client) -> None:
    answer = client.post("/api/recommend", content=b'{"user": "u1"}')

    assert answer.status_code == 415


def test_the_page_loads_nothing_from_elsewhere_and_says_so(client) -> None:
    page, script, style = (client.get(p) for p in ("/", "/page.js", "/page.css"))

    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'")
    assert "unsafe" not in policy
    assert "Not a production server" in page.text
    for text in (page.text, script.text, style.text):
        assert "http" not in text.replace("http-equiv", "")
        assert "innerHTML" not in text


def test_two_hundred_questions_of_sixteen_clients_are_all_answered(client) -> None:
    def ask(n: int) -> bool:
        parity = n % 2
        question = {"ratings": {f"i{10 + parity}": 5}, "k": 3}
        answer = client.post("/api/recommend", json=question)
        items = [int(one["item"][1:]) for one in answer.json()]
        return answer.status_code == 200 and [i % 2 for i in items] == [parity] * 3

    with ThreadPoolExecutor(16) as pool:
        answered = [*pool.map(ask, range(200))]

    assert all(answered)


# Intervals.


def test_an_interval_of_steps_holds_its_share() -> None:
    rows = np.array(
        [[0.05, 0.15, 0.6, 0.15, 0.05], [0, 0, 0, 0, 1], [0.5, 0, 0, 0, 0.5]]
    )

    low, high = interval_of(StepDistribution(np.arange(1.0, 6), rows), 0.8)

    assert low.tolist() == [2, 5, 1]
    assert high.tolist() == [4, 5, 5]


def test_an_interval_of_normals_is_clipped_to_their_range() -> None:
    normal = NormalDistribution(np.array([3.0, 4.9]), np.array([1.0, 1.0]))

    low, high = interval_of(normal.clipped(1, 5), 0.8)

    assert low == pytest.approx([1.7184, 3.6184], abs=1e-3)
    assert high == pytest.approx([4.2816, 5.0], abs=1e-3)


def test_every_item_can_be_found(client) -> None:
    assert client.get("/api/model").json()["n_items"] == N_ITEMS
