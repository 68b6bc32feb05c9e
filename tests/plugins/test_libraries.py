"""Models that need libraries which may be missing."""

from pathlib import Path

import pytest

from benchbox import Capabilities, ModelSpec
from benchbox.errors import UsageError
from benchbox.plugins import how_to_install, libraries_of, missing_libraries, unavailable
from benchbox.plugins.faults import model_fault
from benchbox.testing.checks import Check, ContractError, judge
from benchbox.testing.subject import ModelSubject
from tests.support.tools import run_cli

PLUGIN = '''
import numpy as np
from benchbox import Capabilities, ModelSpec, hookimpl

class Wings:
    def __init__(self, options): pass
    def fit(self, train, context): pass
    def predict(self, history, users, items): return np.ones(len(users), np.float32)

@hookimpl
def benchbox_models():
    here = dict(target=f"{__name__}:Wings", summary="soars", by_default=False,
                capabilities=Capabilities(stochastic=False))
    return [
        ModelSpec(name="icarus", requires=("no-such-wax", "numpy"),
                  install="pip install 'wings[wax]'", **here),
        ModelSpec(name="daedalus", requires=("numpy",),
                  known_breaches={"unclipped": "it flies low"}, **here),
    ]
'''
