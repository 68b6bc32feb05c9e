"""Whether a linear map of the ratings maps each model's error, and no more.

``python tests/studies/linear_map.py [MODEL...]`` fits each bundled model to u1 of
ML-100K as a trial does, with ratings of 1 to 5 and with the same ratings mapped to
-10 to 10. It prints both RMSE on the hidden ratings, and by how much the second differs
from five times the first. It takes some minutes.
"""

import sys
from dataclasses import replace

import numpy as np
from defaults import bundled
from surprise_models import Part, official, ours

from benchbox import Ratings
from benchbox.ratings import RatingScale

FURTHER = ("bayesian-fm:likelihood=ordered-probit",)
TARGET = RatingScale(-10, 10, 5)


def mapped(ratings: Ratings) -> Ratings:
    """Return *ratings*, of 1 to 5, mapped linearly to -10 to 10."""
    values = 5 * ratings.values - np.float32(15)
    return replace(ratings, values=values, scale=TARGET)


def mapped_part(part: Part) -> Part:
    """Return a split with all its ratings mapped."""
    carved = part.carved
    return Part(
        mapped(part.train),
        replace(
            carved,
            train=mapped(carved.train),
            validation=mapped(carved.validation),
            validation_history=mapped(carved.validation_history),
        ),
        mapped(part.hidden),
    )


def main(models: list[str]) -> None:
    """Print a line per model."""
    part = official()[0]
    mapped_too = mapped_part(part)
    worst = 0.0
    print(f"{'':38} 1 to 5  -10 to 10  off by")
    for name in models:
        before, after = ours(name, part)[0], ours(name, mapped_too)[0]
        off = after / (5 * before) - 1
        worst = max(worst, abs(off))
        print(f"{name:38} {before:.4f}  {after:9.4f}  {off:+.2e}", flush=True)
    print(f"At most {worst:.2e}")


if __name__ == "__main__":
    main(sys.argv[1:] or [*bundled(), *FURTHER])
