"""A zygote whose trials may write down which lines of benchbox they ran."""

import sys
from collections.abc import Sequence
from functools import partial

import coverage

from benchbox.records import Access
from benchbox.trials.confinement import confine
from benchbox.trials.executors import zygote
from tests.support.measured import count_forks, noted_in

_confine = confine._confine


def confine_but_for_coverage(
    access: Access, target: str, given: Sequence[str], own: Sequence[str]
) -> str:
    if coverage.Coverage.current():
        own = [*own, str(noted_in())]
    return _confine(access, target, given, own)


confine._confine = confine_but_for_coverage


_preload = zygote._preload


def preload_unmeasured(measured: coverage.Coverage) -> None:
    # Imports of other libraries take half as long again if each call is looked at.
    measured.stop()
    _preload()
    measured.start()


if __name__ == "__main__":
    if measured := coverage.Coverage.current():
        count_forks()
        zygote._preload = partial(preload_unmeasured, measured)
    sys.exit(zygote.main())
