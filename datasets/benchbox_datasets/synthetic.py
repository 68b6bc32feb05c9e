"""Synthetic ratings: a known truth plus noise, so that the best RMSE is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.arrays.parallel import each, fill, slices
from benchbox.data import DatasetCard, IdColumn, RawRatings, parse_scale
from benchbox.errors import UsageError
from benchbox.options import Options
from benchbox.ratings import IndexArray, RatingScale
from benchbox.seeding import derive_seed, permutation

Floats = NDArray[np.float64]
Count = Annotated[int, msgspec.Meta(ge=2)]

# Standard deviations as shares of the width of the scale. With these, biases explain
# somewhat more than the interaction does, as in film ratings.
USER_SPREAD = 0.10
ITEM_SPREAD = 0.12
INTERACTION_SPREAD = 0.12

MAX_STEPS = 1000
MAX_DENSITY = 0.5

_SKEW = 0.9
_FIRST_SECOND = 1_262_304_000  # 2010-01-01
_SPAN_SECONDS = 8 * 365 * 86_400
_VISIT_SECONDS = 365 * 86_400


class SyntheticOptions(Options, frozen=True):
    """Options of ``synthetic``.

    Attributes:
        n_users: Number of users; each has at least one rating.
        n_items: Number of items; each has at least one rating.
        n_ratings: Number of ratings, at most half of all pairs.
        density: Share of all pairs that are rated, instead of ``n_ratings``; 0 to use
            ``n_ratings``.
        rank: Rank of the interaction between users and items.
        noise: Standard deviation of the Gaussian noise, in the unit of the ratings.
        scale: Lowest and highest rating, as in ``"1-5"``.
        step: Distance between neighbouring ratings, to which they are rounded; 0 for no
            rounding.
        seed: Seed of all random draws.
    """

    n_users: Count = 1000
    n_items: Count = 800
    n_ratings: Count = 50_000
    density: Annotated[float, msgspec.Meta(ge=0, le=MAX_DENSITY)] = 0.0
    rank: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 4
    noise: Annotated[float, msgspec.Meta(gt=0)] = 0.7
    scale: str = "1-5"
    step: Annotated[float, msgspec.Meta(ge=0)] = 0.5
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**53)] = 0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Planted:
    """Synthetic ratings together with the truth, which no model sees.

    All arrays have shape ``(n,)``.

    Attributes:
        users: User index per rating, int32.
        items: Item index per rating, int32.
        truth: True mean per rating, before noise, rounding and clipping.
        expected: Expected rating given ``truth``, averaged over the noise.
        values: The rating: ``truth`` plus noise, rounded and clipped.
        timestamps: Seconds since 1970, independent of the rating.
        scale: Scale of the ratings.
    """

    users: IndexArray
    items: IndexArray
    truth: Floats
    expected: Floats
    values: Floats
    timestamps: NDArray[np.int64]
    scale: RatingScale

    @property
    def noise_floor(self) -> float:
        """RMSE of predicting ``expected`` for every rating of the data set.

        ``expected`` is the conditional mean, so no predictor that does not see the
        noise has a lower RMSE in expectation. The floor is its RMSE on the noise that
        was drawn, over all ratings. On a single fold it differs by chance, so a lucky
        predictor can get below it, by a relative amount of about ``1 / sqrt(2 * n)``.
        Without rounding and clipping it is close to the option ``noise``.
        """
        return sqrt(np.mean((self.values - self.expected) ** 2))


def read_synthetic(
    files: Mapping[str, Path], card: DatasetCard, options: SyntheticOptions
) -> RawRatings:
    """Generate the ratings; there are no files.

    Raises:
        UsageError: The options ask for too many or too few ratings or steps.
    """
    planted = plant(options)
    return RawRatings(
        users=IdColumn(codes=planted.users, names=_names(options.n_users)),
        items=IdColumn(codes=planted.items, names=_names(options.n_items)),
        values=planted.values,
        timestamps=planted.timestamps,
        scale=planted.scale,
        noise_floor=planted.noise_floor,
    )


def plant(options: SyntheticOptions) -> Planted:
    """Generate ratings whose truth is known.

    The truth is the middle of the scale plus a user bias, an item bias and the product
    of a user vector and an item vector with ``rank`` Gaussian entries. The activity of
    users and the popularity of items follow a power law; the truth depends on neither.

    The same options give the same ratings under every version of NumPy, because only
    the raw PCG64 stream is used.
    """
    scale = _scale(options)
    n = _n_ratings(options)
    users, items = _pairs(options.n_users, options.n_items, n, options.seed)
    truth = _truth(options, scale, users, items)
    noise = _normal(n, options, "noise")
    noise *= options.noise
    noise += truth
    return Planted(
        users=users,
        items=items,
        truth=truth,
        expected=_expected(truth, options.noise, scale),
        values=_observed(noise, scale),
        timestamps=_timestamps(options, users),
        scale=scale,
    )


def _names(n: int) -> list[str]:
    return [str(number) for number in range(1, n + 1)]


def _scale(options: SyntheticOptions) -> RatingScale:
    scale = parse_scale(options.scale)
    if options.step == 0:
        return RatingScale(scale.low, scale.high)
    n_steps = (scale.high - scale.low) / options.step
    if abs(n_steps - round(n_steps)) > 1e-9 or not 1 <= n_steps <= MAX_STEPS:
        raise UsageError(
            f"Data set 'synthetic': step {options.step:g} does not divide the scale "
            f"{scale} into 1 to {MAX_STEPS} equal steps. Choose another step, or 0 for "
            f"a continuous scale."
        )
    return RatingScale(scale.low, scale.high, options.step)


def _n_ratings(options: SyntheticOptions) -> int:
    cells = options.n_users * options.n_items
    n = round(options.density * cells) or options.n_ratings
    fewest, most = max(options.n_users, options.n_items), int(cells * MAX_DENSITY)
    if not fewest <= n <= most:
        raise UsageError(
            f"Data set 'synthetic' cannot have {n:,} ratings by {options.n_users:,} "
            f"users of {options.n_items:,} items: every user and item needs a rating, "
            f"and at most half of all pairs can be rated. Choose from {fewest:,} to "
            f"{most:,}."
        )
    return n


def _pairs(
    n_users: int, n_items: int, n: int, seed: int
) -> tuple[IndexArray, IndexArray]:
    """Draw distinct pairs; popular items and active users come more often.

    The first pairs give every user and item a rating. The others are drawn with
    replacement, and repeats are discarded, until there are enough.
    """
    user_of = permutation(n_users, seed, "users")
    item_of = permutation(n_items, seed, "items")
    every = np.arange(max(n_users, n_items))
    pairs = np.sort(user_of[every % n_users] * n_items + item_of[every % n_items])
    draw = 0
    while (missing := n - len(pairs)) > 0:
        # Repeats become more frequent as popular pairs run out.
        size = int(missing * (1.3 + draw)) + 100
        user = user_of[_skewed(n_users, size, derive_seed(seed, "user", draw))]
        item = item_of[_skewed(n_items, size, derive_seed(seed, "item", draw))]
        new = _not_in(_distinct(user * n_items + item), pairs)
        if len(new) > missing:
            new = _sample(new, missing, derive_seed(seed, "surplus"))
        pairs = np.sort(np.concatenate([pairs, new]))
        draw += 1
    users, items = np.divmod(pairs, n_items)
    return users.astype(np.int32), items.astype(np.int32)


def _distinct(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    # Six times faster than np.unique, which hashes.
    pairs.sort()
    return pairs[np.flatnonzero(np.diff(pairs, prepend=-1))]


def _sample(pairs: NDArray[np.int64], n: int, seed: int) -> NDArray[np.int64]:
    """Return *n* of the *pairs* at random, in linear time."""
    draws = np.random.PCG64(seed).random_raw(len(pairs))
    is_chosen: NDArray[np.bool_] = draws < np.partition(draws, n)[n]
    return pairs[is_chosen]


def _not_in(pairs: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.int64]:
    place = np.minimum(np.searchsorted(known, pairs), len(known) - 1)
    is_new: NDArray[np.bool_] = known[place] != pairs
    return pairs[is_new]


def _skewed(n: int, size: int, seed: int) -> NDArray[np.int64]:
    """Draw *size* numbers below *n* whose frequency follows a shifted power law."""
    # The inverse of the distribution function has a closed form, so no table has to be
    # searched. The shift by 0.01 keeps the most popular from getting nearly all draws.
    power = 1 - _SKEW
    low, high = 0.01**power, 1.01**power
    draws = _uniform(size, seed)
    numbers = np.empty(size, dtype=np.int64)

    def inverted(part: slice) -> NDArray[np.int64]:
        shares = (draws[part] * (high - low) + low) ** (1 / power) - 0.01
        found: NDArray[np.int64] = np.minimum((shares * n).astype(np.int64), n - 1)
        return found

    fill(numbers, inverted)
    return numbers


def _truth(
    options: SyntheticOptions, scale: RatingScale, users: IndexArray, items: IndexArray
) -> Floats:
    width = scale.high - scale.low
    user_bias = _normal(options.n_users, options, "user bias") * USER_SPREAD * width
    item_bias = _normal(options.n_items, options, "item bias") * ITEM_SPREAD * width
    size = INTERACTION_SPREAD * width / sqrt(max(1, options.rank))
    of_users = [
        _normal(options.n_users, options, "user", k) * size for k in range(options.rank)
    ]
    of_items = [
        _normal(options.n_items, options, "item", k) for k in range(options.rank)
    ]
    truth = np.empty(len(users))

    def summed(part: slice) -> Floats:
        u, i = users[part], items[part]
        total: Floats = (scale.low + scale.high) / 2 + user_bias[u] + item_bias[i]
        # A fixed order of summation; a BLAS product may sum in another on each machine.
        for of_user, of_item in zip(of_users, of_items, strict=True):
            total += of_user[u] * of_item[i]
        return total

    fill(truth, summed)
    return truth


def _observed(noisy: Floats, scale: RatingScale) -> Floats:
    if scale.step is not None:
        noisy -= scale.low
        noisy /= scale.step
        np.round(noisy, out=noisy)
        noisy *= scale.step
        noisy += scale.low
    return np.clip(noisy, scale.low, scale.high, out=noisy)


def _expected(truth: Floats, noise: float, scale: RatingScale) -> Floats:
    """Return the expected rating given the truth, shape ``(n,)``.

    It is a smooth function of one number. So linear interpolation in a table much finer
    than the noise is accurate to 1e-4 of the noise, and faster than a sum per rating.
    """
    low, high = truth.min(), truth.max()
    n_points = min(max(1 << 14, int(64 * (high - low) / noise)), 1 << 20)
    points = np.linspace(low, high, n_points)
    mean = _clipped_mean if scale.step is None else _rounded_mean
    means = mean(points, noise, scale)
    expected = np.empty(len(truth))
    fill(expected, lambda part: np.interp(truth[part], points, means))
    return expected


def _rounded_mean(truth: Floats, noise: float, scale: RatingScale) -> Floats:
    """Return the mean rating on a scale with steps.

    It is the sum over all steps of the probability that the rating reaches the step.
    """
    from scipy.special import ndtr

    step = scale.step or 1.0
    mean = np.full(len(truth), scale.low)
    for k in range(1, round((scale.high - scale.low) / step) + 1):
        mean += step * ndtr((truth - (scale.low + (k - 0.5) * step)) / noise)
    return mean


def _clipped_mean(truth: Floats, noise: float, scale: RatingScale) -> Floats:
    """Return the mean of a Gaussian clipped to the scale."""

    def excess(distance: Floats) -> Floats:
        """Return the mean of ``max(0, noise * z + distance)`` over normal ``z``."""
        from scipy.special import ndtr

        z = distance / noise
        density = np.exp(-0.5 * z * z) / sqrt(2 * np.pi)
        above: Floats = distance * ndtr(z) + noise * density
        return above

    return scale.low + excess(truth - scale.low) - excess(truth - scale.high)


def _timestamps(options: SyntheticOptions, users: IndexArray) -> NDArray[np.int64]:
    """Draw each user's first second, and each rating's within the year after it."""
    first = _uniform(options.n_users, derive_seed(options.seed, "first"))
    later = _uniform(len(users), derive_seed(options.seed, "later"))
    starts = _FIRST_SECOND + (first * _SPAN_SECONDS).astype(np.int64)
    return starts[users] + (later * _VISIT_SECONDS).astype(np.int64)


def _uniform(n: int, seed: int) -> Floats:
    """Draw from [0, 1) by PCG64's raw stream, which NumPy never changes."""
    raw = np.random.PCG64(seed).random_raw(n)
    raw >>= 11
    draws: Floats = raw.astype(np.float64)
    draws *= 2.0**-53
    return draws


def _normal(n: int, options: SyntheticOptions, *path: str | int) -> Floats:
    """Draw from the standard normal distribution by the Box–Muller transform."""
    half = (n + 1) // 2
    radius = _uniform(half, derive_seed(options.seed, *path, "radius"))
    angle = _uniform(half, derive_seed(options.seed, *path, "angle"))
    draws = np.empty(2 * half)

    def transform(part: slice) -> None:
        size = np.sqrt(-2 * np.log1p(-radius[part]))
        radians = 2 * np.pi * angle[part]
        draws[:half][part] = size * np.cos(radians)
        draws[half:][part] = size * np.sin(radians)

    each(transform, slices(half))
    return draws[:n]
