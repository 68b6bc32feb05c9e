"""A zygote whose trials are not confined, to show what the confinement prevents."""

import sys

from benchbox.trials.executors import zygote

zygote.confine_trial = lambda job: "not enforced: switched off"  # type: ignore[assignment]
zygote.confine_question = lambda question: ""  # type: ignore[assignment]

if __name__ == "__main__":
    sys.exit(zygote.main())
