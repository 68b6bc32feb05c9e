"""Every model keeps the contract, or its spec states which promise it breaks."""

import benchbox_rivals
import pytest

from benchbox.plugins import unavailable
from benchbox.testing.checks import judge
from benchbox.testing.contracts import MODEL_CHECKS
from benchbox.testing.subject import ModelSubject

SPECS = benchbox_rivals.benchbox_models()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("spec", SPECS, ids=[spec.name for spec in SPECS])
def test_a_model_keeps_its_promises_or_states_which_it_breaks(spec) -> None:
    if reason := unavailable(spec):
        pytest.skip(reason)

    verdicts = list(judge(MODEL_CHECKS, ModelSubject(spec=spec)))

    assert [v for v in verdicts if v.status == "broken"] == []
