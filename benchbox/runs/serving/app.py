"""The application: a page, and the JSON interface that it uses itself."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib.resources import files
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from benchbox.errors import BenchboxError
from benchbox.options import UNDECODABLE
from benchbox.runs.serving.answers import LEVEL, Answer, Answers, asking_of

MOST_USERS = 1_000
"""Users at most in one batch."""

_MOST_BYTES = 8 << 20
"""Of a question: a batch of users with a thousand ratings each."""

_MOST_ITEMS = 1_000

_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src "
    "'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Who(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user who is asked about: one of the data, or a new one with ratings.

    Attributes:
        user: Id of a user in the data; `None` for a new one.
        ratings: Ratings of a new user by item id.
    """

    user: str | None = None
    ratings: dict[str, float] = {}


class ToRecommend(Who, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question for recommendations.

    Attributes:
        k: Number of items.
    """

    k: int = 10


class ToPredict(Who, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question for predictions.

    Attributes:
        items: Ids of items.
    """

    items: list[str] = []


class ToBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question for recommendations to many users.

    Attributes:
        users: The users, at most `MOST_USERS`.
        k: Number of items for each.
    """

    users: list[Who]
    k: int = 10


class _Refused(Exception):
    """A question that is not answered.

    Args:
        status: HTTP status.
        text: What is wrong, in a sentence.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def application(answers: Answers, port: int) -> Starlette:
    """Return the application that answers on a port of this machine.

    Args:
        answers: Asks the model.
        port: Port it is reached at, for the check of the header ``Host``.
    """
    interface = _Interface(answers)
    page = files("benchbox.runs.serving")
    static = {
        "/": ("page.html", "text/html; charset=utf-8"),
        "/page.css": ("page.css", "text/css; charset=utf-8"),
        "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    }
    routes = [
        Route(path, partial(_file, (page / name).read_bytes(), kind))
        for path, (name, kind) in static.items()
    ]
    asked: Mapping[str, tuple[str, Callable[[Request], Awaitable[Any]]]] = {
        "/api/model": ("GET", interface.model),
        "/api/items": ("GET", interface.items),
        "/api/predict": ("POST", interface.predict),
        "/api/recommend": ("POST", interface.recommend),
        "/api/batch": ("POST", interface.batch),
    }
    routes += [
        Route(path, partial(_json, function), methods=[method])
        for path, (method, function) in asked.items()
    ]
    return Starlette(routes=routes, middleware=[Middleware(_OnlyHere, port=port)])


class _OnlyHere:
    """Answers only what is asked of this machine by its own name, from its own pages.

    A page elsewhere could have its name lead here (DNS rebinding), or send questions
    across: their headers tell.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        names = ("127.0.0.1", "localhost")
        self._hosts = {f"{name}:{port}" for name in names}
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value for name, value in scope["headers"]}
        host = headers.get("host", b"").decode("latin-1")
        origin = headers.get("origin", b"").decode("latin-1")
        if host not in self._hosts or (origin and origin not in self._origins):
            text = f"This page is for this machine alone, not for {host or 'nobody'}."
            await _answer({"error": text}, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


class _Interface:
    """The functions of the JSON interface."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def model(self, request: Request) -> Any:
        """Return what the model is, and what it can do."""
        saved = self._answers.model
        can, scale = saved.record.model.capabilities, saved.ratings.scale
        return {
            "model": saved.record.model.label,
            "dataset": saved.record.dataset,
            "scale": {"low": scale.low, "high": scale.high, "step": scale.step},
            "n_users": saved.ratings.n_users,
            "n_items": saved.ratings.n_items,
            "n_ratings": len(saved.ratings),
            "takes_new_users": can.inductive,
            "interval": LEVEL if self._answers.has_intervals else None,
            "doubt": saved.doubt,
        }

    async def items(self, request: Request) -> Any:
        """Return the items that a search finds."""
        text = request.query_params.get("search", "")[:1_000]
        try:
            limit = int(request.query_params.get("limit", "20"))
        except ValueError:
            raise _Refused(400, "limit is a number of items.") from None
        return await run_in_threadpool(self._answers.search, text, max(limit, 1))

    async def predict(self, request: Request) -> Any:
        """Return predictions for some items."""
        asked = await _decoded(request, ToPredict)
        if len(asked.items) > _MOST_ITEMS:
            raise _Refused(400, f"At most {_MOST_ITEMS:,} items at a time.")

        def answer() -> list[Answer]:
            asking = asking_of(self._answers.model, asked.user, asked.ratings)
            return self._answers.predict(asking, asked.items)

        return await run_in_threadpool(answer)

    async def recommend(self, request: Request) -> Any:
        """Return recommendations to a user."""
        asked = await _decoded(request, ToRecommend)
        return await run_in_threadpool(self._recommended, asked, _checked(asked.k))

    async def batch(self, request: Request) -> Any:
        """Return recommendations to many users, or why there are none, for each."""
        asked = await _decoded(request, ToBatch)
        if len(asked.users) > MOST_USERS:
            raise _Refused(400, f"At most {MOST_USERS:,} users at a time.")
        k = _checked(asked.k)

        def one(who: Who) -> dict[str, Any]:
            try:
                return {"items": self._recommended(who, k)}
            except BenchboxError as error:
                return {"error": str(error)}

        found = []
        for who in asked.users:
            # Others are answered between two users.
            found.append(await run_in_threadpool(one, who))
            await asyncio.sleep(0)
        return found

    def _recommended(self, who: Who, k: int) -> list[Answer]:
        asking = asking_of(self._answers.model, who.user, who.ratings)
        return self._answers.recommend(asking, k)


def _checked(k: int) -> int:
    if not 1 <= k <= _MOST_ITEMS:
        raise _Refused(400, f"k is a number of items from 1 to {_MOST_ITEMS:,}.")
    return k


async def _decoded(request: Request, kind: type[Any]) -> Any:
    """Return the question in the body of a request.

    A form of another page cannot send this type of content without being asked first.
    """
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise _Refused(415, "Questions are JSON: Content-Type: application/json.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            raise _Refused(413, f"A question has at most {_MOST_BYTES >> 20} MiB.")
    try:
        return msgspec.json.decode(bytes(body), type=kind)
    except UNDECODABLE as error:
        raise _Refused(400, f"This is no question: {error}.") from None


async def _json(
    function: Callable[[Request], Awaitable[Any]], request: Request
) -> Response:
    """Return what *function* answers, or why it does not."""
    try:
        return _answer(await function(request), 200)
    except _Refused as error:
        return _answer({"error": str(error)}, error.status)
    except BenchboxError as error:
        return _answer({"error": str(error)}, 422)


async def _file(content: bytes, kind: str, request: Request) -> Response:
    return Response(content, headers=_HEADERS, media_type=kind)


def _answer(content: Any, status: int) -> Response:
    text = msgspec.json.encode(content)
    kind = "application/json"
    return Response(text, status_code=status, headers=_HEADERS, media_type=kind)
