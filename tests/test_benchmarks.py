"""Benchmarks take long and depend on the machine; that they still run does not."""

import re

from tests.support.own_pytest import own_pytest


def test_all_benchmarks_are_collected_and_one_runs() -> None:
    one = ("-k", "test_a_training_step and ml-100k-default")
    done = own_pytest("--benchmark-disable", "tests/benchmarks", *one)

    assert done.returncode == 0, done.stdout
    ran = re.search(r"1 passed, (\d+) deselected", done.stdout)
    assert ran, done.stdout
    assert int(ran[1]) >= 70
