"""Models: patience ends a training in time, and every epoch can be told of."""

from math import inf, nan

from hypothesis import given
from hypothesis import strategies as st

from benchbox.models.contract import EarlyStopping, EpochReport, FitContext

errors = st.floats(0, 5) | st.just(nan) | st.just(inf)


def train(values: list[float], patience: int) -> tuple[EarlyStopping, int]:
    """Train until told to stop; return how many epochs that took as well."""
    stopping = EarlyStopping(patience)
    for epoch, value in enumerate(values, start=1):
        stopping.improved(epoch, value)
        if stopping.should_stop(epoch):
            return stopping, epoch
    return stopping, len(values)


def test_training_stops_once_the_error_has_not_fallen_for_the_patience() -> None:
    stopping, n_epochs = train([3.0, 2.0, 2.5, 2.0, 2.2, 1.0], patience=3)

    assert (stopping.best_epoch, stopping.best_value, n_epochs) == (2, 2.0, 5)


def test_an_improvement_renews_the_patience() -> None:
    stopping, n_epochs = train([3.0, 3.5, 2.0, 2.5, 1.0, 1.5], patience=2)

    assert (stopping.best_epoch, n_epochs) == (5, 6)


def test_slight_falls_are_kept_and_prolong_nothing() -> None:
    values = [2.0, *(2.0 - 1e-5 * n for n in range(1, 9))]

    stopping, n_epochs = train(values, patience=3)

    assert (stopping.best_epoch, n_epochs) == (4, 4)


def test_slight_falls_that_add_up_renew_the_patience() -> None:
    _, n_epochs = train([2.0 - 9e-5 * n for n in range(30)], patience=4)

    assert n_epochs == 30


def test_an_equal_error_is_no_improvement() -> None:
    stopping = EarlyStopping(patience=9)

    assert stopping.improved(1, 2.0)
    assert not stopping.improved(2, 2.0)
    assert stopping.best_epoch == 1


def test_an_error_that_is_no_number_is_no_improvement() -> None:
    stopping, n_epochs = train([2.0, nan, nan, 1.0], patience=2)

    assert (stopping.best_epoch, stopping.best_value, n_epochs) == (1, 2.0, 3)


def test_errors_that_never_were_numbers_stop_the_training_too() -> None:
    stopping, n_epochs = train([nan] * 9, patience=3)

    assert (stopping.best_epoch, stopping.best_value, n_epochs) == (0, inf, 3)


def test_a_number_after_no_number_is_an_improvement() -> None:
    stopping, _ = train([nan, 2.0], patience=3)

    assert (stopping.best_epoch, stopping.best_value) == (2, 2.0)


@given(values=st.lists(errors, max_size=30), patience=st.integers(1, 8))
def test_the_best_epoch_is_the_first_with_the_lowest_error(values, patience) -> None:
    stopping, n_epochs = train(values, patience)

    known = [value for value in values[:n_epochs] if value < inf]
    expected = min(known, default=inf)
    assert stopping.best_value == expected
    assert stopping.best_epoch == (values.index(expected) + 1 if known else 0)


@given(values=st.lists(errors, max_size=30), patience=st.integers(1, 8))
def test_no_training_outlives_its_patience(values, patience) -> None:
    stopping, n_epochs = train(values, patience)

    assert n_epochs <= stopping.best_epoch + patience
    assert n_epochs in (len(values), stopping.best_epoch + patience)


def test_a_report_reaches_whoever_listens() -> None:
    heard: list[EpochReport] = []
    context = FitContext(on_report=heard.append)

    context.report(1, 20, loss=0.5)
    context.report(2, 20, loss=0.25, validation_rmse=0.9)

    assert heard == [
        EpochReport(epoch=1, n_epochs=20, loss=0.5),
        EpochReport(epoch=2, n_epochs=20, loss=0.25, validation_rmse=0.9),
    ]


def test_a_report_nobody_listens_to_is_dropped() -> None:
    assert FitContext().report(1, 20, loss=0.5) is None
