"""Tests of parsing: threads do not get in each other's way."""

import ast
import gc
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benchbox.data.ratings_files import map_array, save_array
from benchbox.targets import parsing

SOURCE = "f(g(h(1, [2, (3, {4: 5})])))\n" * 40


@pytest.fixture
def switched_while_parsing() -> Iterator[None]:
    """Have other threads go on in the middle of parsing, as happens now and then."""

    def switch(*_: object) -> None:
        time.sleep(1e-5)

    before = gc.get_threshold()
    gc.callbacks.append(switch)
    gc.set_threshold(20)
    yield
    gc.set_threshold(*before)
    gc.callbacks.remove(switch)


def test_sources_parsed_at_once_have_their_trees(switched_while_parsing: None) -> None:
    with ThreadPoolExecutor(4) as pool:
        trees = list(pool.map(parsing.parsed, [SOURCE] * 100))

    assert {len(tree.body) for tree in trees} == {40}
    assert ast.dump(trees[-1]) == ast.dump(ast.parse(SOURCE))


def test_arrays_read_and_sources_parsed_at_once_disturb_neither(
    tmp_path: Path, switched_while_parsing: None
) -> None:
    # The header of an array is parsed by NumPy, which waits for no lock.
    file = tmp_path / "array.npy"
    save_array(file, np.arange(5))

    def read(number: int) -> int:
        if number % 2:
            return len(parsing.parsed(SOURCE).body)
        return int(map_array(file).sum())

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(read, range(200)))

    assert found == [10, 40] * 100
