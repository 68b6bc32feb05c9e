"""A zygote whose trials may write down which lines of benchbox they ran."""

import os
import sys
from collections.abc import Sequence

import coverage

from benchbox.records import Access
from benchbox.trials.confinement import confine
from benchbox.trials.executors import zygote

_confine = confine._confine


def confine_but_for_coverage(
    access: Access, target: str, given: Sequence[str], own: Sequence[str]
) -> str:
    if measured := coverage.Coverage.current():
        own = [*own, os.path.dirname(measured.get_data().base_filename())]
    return _confine(access, target, given, own)


confine._confine = confine_but_for_coverage

if __name__ == "__main__":
    sys.exit(zygote.main())
