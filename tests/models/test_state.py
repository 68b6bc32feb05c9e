import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from benchbox.errors import ModelError
from benchbox.models.state import FILE, nested, part, read_state, write_state

names = st.text("abc_", min_size=1)
values = st.one_of(
    st.floats(allow_nan=False),
    st.integers(-(2**40), 2**40),
    arrays.arrays(
        st.sampled_from([np.float32, np.float64, np.int32]),
        arrays.array_shapes(min_dims=0, min_side=0),
        elements=st.integers(-9, 9),
    ),
)


@given(state=st.dictionaries(names, values, min_size=1))
def test_a_state_comes_back_as_it_was(state, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("state")

    write_state(folder, state)
    found = read_state(folder)

    assert set(found) == set(state)
    for name, value in state.items():
        assert found[name].shape == np.shape(value)
        assert np.array_equal(found[name], value)


@given(state=st.dictionaries(names, st.integers()), other=st.integers())
def test_a_part_is_taken_out_as_it_was_put_in(state, other) -> None:
    whole = {**nested("part", state), "else": other, "partial.x": other}

    assert part(whole, "part") == state


def test_columns_and_transposed_arrays_are_kept_too(tmp_path) -> None:
    matrix = np.arange(6.0).reshape(2, 3)

    write_state(tmp_path, {"turned": matrix.T, "column": matrix[:, 1]})

    assert np.array_equal(read_state(tmp_path)["turned"], matrix.T)
    assert np.array_equal(read_state(tmp_path)["column"], [1, 4])


@pytest.mark.parametrize("value", ["text", None, np.array(["a"]), [{}]])
def test_what_is_no_number_is_refused(value, tmp_path) -> None:
    with pytest.raises(ModelError, match="for 'name'; it must be a number"):
        write_state(tmp_path, {"name": value})

    assert not list(tmp_path.iterdir())


def test_a_damaged_state_is_one_line(tmp_path) -> None:
    write_state(tmp_path, {"x": np.arange(100)})
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:50])

    with pytest.raises(ModelError, match="cannot be read"):
        read_state(tmp_path)
