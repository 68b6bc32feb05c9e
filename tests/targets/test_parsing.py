"""Tests of parsing: threads do not get in each other's way."""

import ast
import sys
from concurrent.futures import ThreadPoolExecutor

from benchbox.targets import parsing

NESTED = f"x = {'(' * 40}1{')' * 40}\ndef f(): return [{'f(),' * 200}]\n" * 20


def test_sources_parsed_at_once_have_their_trees() -> None:
    wanted = ast.dump(ast.parse(NESTED))
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            trees = list(pool.map(parsing.parsed, [NESTED] * 24))
    finally:
        sys.setswitchinterval(before)

    assert [ast.dump(tree) for tree in trees] == [wanted] * 24
