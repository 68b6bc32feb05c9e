import numpy as np

from benchbox.models.features import encode_features


def test_numbers_are_standardised_and_missing_ones_are_average() -> None:
    encoded = encode_features({"age": np.array([20.0, 40.0, np.nan])}, 3)

    assert encoded.names == ("age",)
    assert encoded.matrix[:, 0].tolist() == [-1, 1, 0]


def test_numbers_that_say_nothing_are_zero() -> None:
    table = {"same": np.array([7, 7]), "unknown": np.array([np.nan, np.nan])}

    assert not encode_features(table, 2).matrix.any()


def test_text_becomes_a_column_per_label() -> None:
    genres = np.array(["Action|Drama", "", "Drama"])

    encoded = encode_features({"genres": genres}, 3)

    assert encoded.names == ("genres=Action", "genres=Drama")
    assert encoded.matrix.tolist() == [[1, 1], [0, 0], [0, 1]]


def test_text_that_names_rows_is_left_out() -> None:
    titles = np.array([f"film {n}" for n in range(200)])

    encoded = encode_features({"title": titles, "year": np.arange(200)}, 200)

    assert encoded.names == ("year",)
    assert encoded.matrix.shape == (200, 1)


def test_no_features_are_no_columns() -> None:
    assert encode_features(None, 4).matrix.shape == (4, 0)
