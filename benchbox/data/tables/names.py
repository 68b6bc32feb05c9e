"""Usual names of the columns of ratings files."""

import re
from collections.abc import Mapping, Sequence

ROLES = ("user", "item", "rating", "timestamp")

_ITEMS = """
    product productid business businessid anime animeid manga mangaid joke jokeid song
    songid track trackid artist artistid album albumid game gameid app appid recipe
    recipeid beer beerid beerbeerid restaurant restaurantid place placeid venue venueid
    hotel hotelid store storeid gmapid show showid film filmid video videoid course
    courseid article articleid news newsid offering offeringid
"""
_TIMES = """
    datetime date reviewdate reviewtime ratingdate ratingtime rateddate ratedat
    reviewedat reviewcreationdate createdat dateadded datecreated created dateread
    dateupdated updatedat
"""

_USUAL: Mapping[str, Sequence[Sequence[str]]] = {
    "user": (
        ("user", "userid", "uid", "reviewerid"),
        (
            *("customerid", "customer", "memberid", "member", "username", "accountid"),
            *("profileid", "profilename", "reviewprofilename", "reviewer", "visitorid"),
        ),
    ),
    "item": (
        ("item", "itemid", "iid", "movie", "movieid", "book", "bookid", "isbn"),
        ("parentasin",),
        ("asin",),
        _ITEMS.split(),
    ),
    "rating": (
        ("rating", "ratings", "stars", "score", "bookrating"),
        (
            *("overall", "starrating", "myrating", "userrating", "reviewrating"),
            *("reviewscore", "reviewoverall", "ratingscore", "reviewstars"),
        ),
    ),
    "timestamp": (
        ("timestamp", "time", "unixreviewtime"),
        ("unixtime", "reviewtimestamp", "ratingtimestamp", "timestamps"),
        *([name] for name in _TIMES.split()),
    ),
}
"""Names by role, best first; two names of one rank cannot be told apart."""

N_SURE = {"timestamp": 2}
"""Number of ranks whose names leave no doubt, for roles where that is not all."""


def plain_name(field: str) -> str:
    """Return a column's name without blanks, dashes, underscores and capitals."""
    return re.sub(r"[\s_-]", "", bare_name(field)).lower()


def bare_name(field: str) -> str:
    """Return a name without the type suffix of RecBole files, such as ``:token``."""
    return field.strip().partition(":")[0]


def rank_of(name: str, role: str) -> int | None:
    """Return how well a column's name fits a role, from 0; `None` if it does not."""
    plain = plain_name(name)
    ranks = (n for n, names in enumerate(_USUAL[role]) if plain in names)
    return next(ranks, None)


def role_of(name: str) -> str | None:
    """Return the role, one of `ROLES`, that a column name suggests, if any."""
    return next((role for role in ROLES if rank_of(name, role) is not None), None)
