"""Columns: names are recognised, orders obeyed, and nothing is guessed in silence."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.data.tables.roles import Choice, choose_columns, find_column
from benchbox.data.tables.table import ArrowTable, TextTable
from benchbox.errors import DataError, UsageError


def choose(first: str, columns: str | None = None) -> Choice:
    table = TextTable(Path("r.csv"), tuple(first.split(",")), delimiter=",")
    return choose_columns(table, columns)


@given(order=st.permutations(["userId", "movieId", "rating", "timestamp", "x"]))
def test_usual_names_are_found_in_any_order(order) -> None:
    choice = choose(",".join(order))

    assert choice.headed
    assert order[choice.positions["user"]] == "userId"
    assert order[choice.positions["item"]] == "movieId"
    assert order[choice.positions["rating"]] == "rating"
    assert order[choice.positions["timestamp"]] == "timestamp"


@pytest.mark.parametrize(
    "header",
    [
        "user,item,rating",
        "user_id,book_id,rating",
        "User-ID,ISBN,Book-Rating",
        "user_id:token,item_id:token,rating:float",
        "USER ID,Movie,Stars",
        "uid,iid,score",
    ],
)
def test_names_are_known_in_many_spellings(header) -> None:
    assert choose(header) == Choice({"user": 0, "item": 1, "rating": 2}, headed=True)


@pytest.mark.parametrize("first", ["1,2,3", "ann,toys,4.5", "-1,x,-1e1", "a,b,.5"])
def test_a_first_line_that_is_a_rating_is_no_header(first) -> None:
    assert choose(first) == Choice({"user": 0, "item": 1, "rating": 2}, headed=False)


def test_a_fourth_number_is_the_timestamp() -> None:
    assert choose("1,2,3,881250949").positions["timestamp"] == 3


@pytest.mark.parametrize(
    ("first", "missing"),
    [
        ("userId,movieId,value", "rating"),
        ("who,what,how", "user or item or rating"),
        ("user,4,5", "item or rating"),
        ("x,y,good", "user or item or rating"),
        ("1,2,good", "user or item or rating"),
        ("1,2,3,some words", "user or item or rating"),
        ("1,2,3,4,5", "user or item or rating"),
        ("1,2", "user or item or rating"),
    ],
)
def test_what_cannot_be_told_is_asked_for(first, missing) -> None:
    with pytest.raises(DataError, match=rf"no column known as {missing}\..*--columns"):
        choose(first)


def test_two_columns_of_one_role_are_asked_for() -> None:
    with pytest.raises(DataError, match="two user columns: 'user' and 'userId'"):
        choose("user,userId,item,rating")


def test_names_can_be_given() -> None:
    choice = choose("a,b,c,d", "user=b,item=d,rating=a")

    assert choice == Choice({"user": 1, "item": 3, "rating": 0}, headed=True)


def test_given_names_need_not_state_recboles_types() -> None:
    choice = choose("x:token,y:token,z:float", "user=x,item=y,rating=z:float")

    assert choice.positions == {"user": 0, "item": 1, "rating": 2}


def test_a_name_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(
        DataError, match=r"no column 'userid'.*'userId'.*: userId, b, c"
    ):
        choose("userId,b,c", "user=userid,item=b,rating=c")


def test_the_order_can_be_given_with_gaps() -> None:
    choice = choose("1,x,2,3,y", "user,-,item,rating")

    assert choice == Choice({"user": 0, "item": 2, "rating": 3}, headed=False)


def test_places_can_be_given() -> None:
    choice = choose("1,x,2,3", "user=0,item=2,rating=3")

    assert choice == Choice({"user": 0, "item": 2, "rating": 3}, headed=False)


@pytest.mark.parametrize(
    "columns",
    [
        "user,item",
        "user,item,stars",
        "user,user,item,rating",
        "user=a,user=b,item=c,rating=c",
        "user=a,item,rating=c",
        "user=,item=b,rating=c",
        "who=a,item=b,rating=c",
        "",
    ],
)
def test_columns_that_make_no_sense_are_a_usage_error(columns) -> None:
    with pytest.raises(UsageError, match="--columns"):
        choose("a,b,c", columns)


@pytest.mark.parametrize(
    "columns", ["user,item,rating,timestamp", "user=0,item=1,rating=3"]
)
def test_more_columns_than_there_are_is_an_error(columns) -> None:
    with pytest.raises(DataError, match="has 3 columns, but --columns needs 4"):
        choose("1,2,3", columns)


def test_an_order_is_no_use_where_the_file_names_its_columns() -> None:
    table = ArrowTable(Path("r.parquet"), ("a", "b", "c"), pytest.fail)

    with pytest.raises(UsageError, match="names its columns: a, b, c"):
        choose_columns(table, "user,item,rating")


def test_numbers_can_be_names_in_parquet() -> None:
    table = ArrowTable(Path("r.parquet"), ("2", "0", "1"), pytest.fail)

    choice = choose_columns(table, "user=0,item=1,rating=2")

    assert choice.positions == {"user": 1, "item": 2, "rating": 0}


def test_a_column_is_found_by_its_name() -> None:
    table = TextTable(Path("r.csv"), ("id", "title:token_seq"), delimiter=",")

    assert find_column(table, "title") == 1


@pytest.mark.parametrize(
    "columns", ["user=a,item=b,rating=b", "user=0,item=1,rating=1"]
)
def test_a_column_has_one_role(columns) -> None:
    with pytest.raises(UsageError, match="one column to both item and rating"):
        choose("a,b,c", columns)


@pytest.mark.parametrize(
    ("header", "roles"),
    [
        ("reviewerID,asin,overall,unixReviewTime", "user item rating timestamp"),
        ("user_id,asin,parent_asin,rating,timestamp", "user - item rating timestamp"),
        ("customer_id,product_id,star_rating", "user item rating"),
        ("user,item,rating,review_date", "user item rating timestamp"),
        ("user_id,Book Id,My Rating,Date Read", "user item rating timestamp"),
        ("user_id,anime_id,rating", "user item rating"),
        ("review_id,user_id,business_id,stars,date", "- user item rating timestamp"),
        ("user,item,rating,DateTime", "user item rating timestamp"),
        ("user,item,rating,time,date", "user item rating timestamp -"),
        ("user,item,asin,rating", "user item - rating"),
    ],
)
def test_common_names_are_known_and_the_better_one_is_taken(header, roles) -> None:
    places = {role: n for n, role in enumerate(roles.split()) if role != "-"}

    assert choose(header).positions == places


def test_a_stated_column_adds_to_those_that_are_recognised() -> None:
    choice = choose("userId,asin,code,rating,timestamp", "item=code")

    assert choice.positions == {"user": 0, "item": 2, "rating": 3, "timestamp": 4}
    assert choice.how["item"] == "as stated"
    assert choice.how["user"] == "by its name"


def test_a_stated_column_settles_which_of_two_is_meant() -> None:
    choice = choose("user,userId,item,rating", "user=userId")

    assert choice.positions == {"user": 1, "item": 2, "rating": 3}


def test_what_is_neither_stated_nor_recognised_is_asked_for() -> None:
    with pytest.raises(DataError, match="no column known as rating"):
        choose("a,b,c", "user=a,item=b")


def test_times_can_be_left_out() -> None:
    choice = choose("user,item,rating,timestamp", "timestamp=-")

    assert "timestamp" not in choice.positions


def test_other_roles_cannot_be_left_out() -> None:
    with pytest.raises(UsageError, match="leaves out the item"):
        choose("user,item,rating", "item=-")


@pytest.mark.parametrize("name", ["a:b", "a,b", 'a"b', "a=b", "7", "a, b: c", " "])
def test_any_name_can_be_stated_in_quotes(name) -> None:
    table = TextTable(Path("r.csv"), ("user", name, "rating"), delimiter=",")
    quoted = '"' + name.replace('"', '""') + '"'

    choice = choose_columns(table, f"user=user,item={quoted},rating=rating")

    assert choice.positions["item"] == 1


def test_names_with_a_colon_need_no_quotes() -> None:
    assert choose("a:b,item,rating", "user=a:b").positions["user"] == 0


@pytest.mark.parametrize("when", ["2001-10-28", "2001/10/28 14:29", "1004279348"])
def test_a_fourth_date_is_the_timestamp(when) -> None:
    choice = choose(f"1,2,3,{when}")

    assert choice.positions["timestamp"] == 3
    assert set(choice.how.values()) == {"only by its place"}


def test_columns_without_names_are_shown_with_their_numbers() -> None:
    with pytest.raises(DataError, match="numbered from 0: 0=7, 1=8, 2=5, 3=x, 4=y"):
        choose("7,8,5,x,y")


@given(order=st.permutations(["user", "item", "rating", "date", "x"]))
def test_only_a_date_that_is_known_by_a_weak_name_may_be_left_out(order) -> None:
    assert choose(",".join(order)).doubtful == {"timestamp"}
    assert not choose(",".join(order).replace("date", "time")).doubtful
