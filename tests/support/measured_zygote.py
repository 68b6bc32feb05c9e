"""A zygote whose trials may write down which lines of benchbox they ran."""

import os
import sys
from collections.abc import Sequence

import coverage

from benchbox.records import Access
from benchbox.trials.confinement import confine
from benchbox.trials.executors import zygote
from tests.support.measured import count_forks

_confine = confine._confine


def confine_but_for_coverage(
    access: Access, target: str, given: Sequence[str], own: Sequence[str]
) -> str:
    if measured := coverage.Coverage.current():
        own = [*own, os.path.dirname(measured.get_data().base_filename())]
    return _confine(access, target, given, own)


confine._confine = confine_but_for_coverage


def import_unmeasured(measured: coverage.Coverage) -> None:
    """Import what zygotes import of others; measured, that takes half as long again."""
    measured.stop()
    zygote._preload()
    measured.start()


if __name__ == "__main__":
    if measured := coverage.Coverage.current():
        import_unmeasured(measured)
        count_forks(measured)
    sys.exit(zygote.main())
