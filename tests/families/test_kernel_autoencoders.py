"""SparseFC and GLocal-K: kernels, convolution and steps against plain computations."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from benchbox_autoencoders.global_kernel import GlobalKernel
from benchbox_autoencoders.kernel_models import KernelAutoencoder
from benchbox_autoencoders.kernel_network import KernelNetwork
from benchbox_autoencoders.kernel_options import GLocalKOptions, SparseFCOptions
from benchbox_autoencoders.kernel_training import train_kernels, whole_batch
from benchbox_autoencoders.local_kernel import finite_support
from benchbox_autoencoders.rows import Rows
from torch import Tensor, optim

from benchbox import FitContext, Ratings
from benchbox.models.bias import fit_bias_model
from benchbox.ratings import RatingScale
from tests.support.toy_ratings import all_pairs, from_matrix, hide, low_rank, rmse

SMALL = {"hidden_units": (4, 3), "kernel_dims": 2, "epochs": 3, "patience": 0}
SPARSE = SparseFCOptions(**SMALL)
GLOBAL = GLocalKOptions(**SMALL, pretraining=1, global_start="random")


def items_by_users(seed: int = 0) -> Tensor:
    """Return ratings of 1 to 5; 0 is a cell without one, and one user has none."""
    draw = np.random.default_rng(seed)
    cells = draw.integers(1, 6, size=(9, 7)) * (draw.random((9, 7)) < 0.5)
    cells[:, 4] = 0
    return torch.from_numpy(cells.astype(np.float64))


def as_rows(whole: Tensor) -> Rows:
    by_user = torch.where(whole > 0, whole, torch.nan).T
    ratings = from_matrix(by_user.numpy())
    rows = Rows.from_grouped(ratings.by_item(), ratings.values, "cpu")
    return Rows(**{**vars(rows), "values": rows.values.double()})


def a_network(rows: Rows, options: SparseFCOptions) -> KernelNetwork:
    """Return a float64 network with places far enough apart for kernels to differ."""
    generator = torch.Generator().manual_seed(1)
    reader = None
    if isinstance(options, GLocalKOptions):
        reader = GlobalKernel(whole_batch(rows), 0.7, generator)
    network = KernelNetwork(rows, options, generator, reader).double()
    with torch.no_grad():
        for layer in (*network.inner, network.last):
            for places in (layer.inputs, layer.outputs):
                places.add_(0.6 * torch.randn(places.shape, generator=generator))
    return network


def plain_loss(network: KernelNetwork, whole: Tensor, options) -> Tensor:
    """Compute the loss by definition, pair by pair of units and on whole matrices."""
    weights, penalty = [], torch.zeros(())
    for layer in (*network.inner, network.last):
        distance = (layer.inputs[:, None] - layer.outputs[None]).norm(dim=2)
        kernel = torch.where(distance < 1, 1 - distance**2, 0)
        weights.append(layer.raw * kernel)
        penalty = penalty + options.weight_decay / 2 * (layer.raw**2).sum()
        penalty = penalty + options.kernel_decay / 2 * (kernel**2).sum()

    def output(x: Tensor) -> Tensor:
        for weight, offset in zip(weights[:-1], network.offsets, strict=True):
            x = torch.sigmoid(x @ weight + offset)
        return x @ weights[-1].T + network.ends

    x = whole
    if network.is_fine_tuned:
        kernel = 0.7 * (output(x).mean(1) @ network.reader.shares)
        x = F.conv2d(x[None, None], kernel.view(1, 1, 3, 3), padding=1)[0, 0].relu()
    errors = (output(x) - whole)[whole > 0]
    return (errors**2).sum() / 2 + penalty


@pytest.mark.parametrize("fine", [False, True])
def test_loss_and_gradients_are_those_of_a_plain_computation(fine) -> None:
    whole, options = items_by_users(), GLOBAL if fine else SPARSE
    rows = as_rows(whole)
    network = a_network(rows, options)
    network.is_fine_tuned = fine
    parameters = list(network.parameters())

    ours = network.loss(whole_batch(rows))
    plain = plain_loss(network, whole, options)

    assert ours.item() == pytest.approx(plain.item(), rel=1e-12)
    gradients = (torch.autograd.grad(loss, parameters) for loss in (ours, plain))
    for one, other in zip(*gradients, strict=True):
        assert one.abs().max() > 0
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)


def test_steps_are_those_of_rprop_on_the_plain_loss() -> None:
    whole = items_by_users()
    rows = as_rows(whole)
    options = SparseFCOptions(**SMALL | {"epochs": 2, "steps": 3})
    generator = torch.Generator().manual_seed(0)
    plain = KernelNetwork(rows, options, generator)
    optimizer = optim.Rprop(plain.parameters(), lr=options.learning_rate)
    single = Rows(**{**vars(rows), "values": rows.values.float()})
    for _ in range(options.epochs * options.steps):
        optimizer.zero_grad()
        plain_loss(plain, whole.float(), options).backward()
        optimizer.step()

    network = train_kernels(single, whole_batch(single), options, FitContext(seed=0))

    for one, other in zip(network.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_the_kernel_has_finite_support_and_the_right_derivative() -> None:
    u = torch.tensor([[0.0, 0.0], [0.3, -0.2]], dtype=torch.float64)
    v = torch.tensor([[0.6, 0.0], [0.0, 1.2], [0.8, 0.7]], dtype=torch.float64)
    expected = torch.tensor([[0.64, 0, 0], [0.87, 0, 0]], dtype=torch.float64)

    torch.testing.assert_close(finite_support(u, v), expected)
    inputs = u.requires_grad_(), v.requires_grad_()
    assert torch.autograd.gradcheck(finite_support, inputs)


def test_an_identity_kernel_reads_the_ratings_as_they_are() -> None:
    whole = items_by_users()
    rows = as_rows(whole)
    network, batch = a_network(rows, GLOBAL), whole_batch(as_rows(whole))
    before = network.factors(batch)

    network.start_fine_tuning(batch, as_identity=True)

    for one, other in zip(network.factors(batch), before, strict=True):
        torch.testing.assert_close(one, other)


def a_split(share: float = 0.3) -> tuple[Ratings, Ratings]:
    stars = np.clip(np.round(3 + 1.2 * low_rank(60, 40, 2, seed=3)), 1, 5)
    return hide(stars, share, seed=1, scale=RatingScale(1, 5))


OPTIONS = [
    SparseFCOptions(hidden_units=(20, 20), weight_decay=1.0, kernel_decay=1e-3),
    GLocalKOptions(
        hidden_units=(20, 20), weight_decay=1.0, kernel_decay=1e-3, pretraining=8
    ),
]


@pytest.mark.parametrize("options", OPTIONS, ids=["sparse-fc", "glocal-k"])
def test_a_fitted_model_predicts_hidden_ratings_and_is_restored(options) -> None:
    train, hidden = a_split()
    model = KernelAutoencoder(options)
    reports = []
    context = FitContext(
        seed=2,
        validation=hidden,
        validation_history=train,
        on_report=reports.append,
    )
    model.fit(train, context)

    predicted = model.predict(train, hidden.users, hidden.items)
    bias = fit_bias_model(train).predict(hidden.users, hidden.items)
    assert rmse(predicted, hidden.values) < 0.85 * rmse(bias, hidden.values)
    best = min(report.validation_rmse for report in reports)
    clipped = hidden.scale.clip(predicted)
    # Shrinking to the bias model changes them a little.
    assert rmse(clipped, hidden.values) == pytest.approx(best, rel=0.01)

    other = KernelAutoencoder(options)
    other.restore(model.state())
    assert np.array_equal(other.predict(train, hidden.users, hidden.items), predicted)
    assert other.n_parameters == model.n_parameters > 0


def test_the_best_epoch_may_lie_before_fine_tuning() -> None:
    train, hidden = a_split()
    # So large a kernel spoils the network for good.
    options = GLocalKOptions(
        hidden_units=(8, 8),
        pretraining=6,
        global_start="random",
        global_scale=1e4,
        shrink=False,
    )
    reports = []
    context = FitContext(
        validation=hidden, validation_history=train, on_report=reports.append
    )
    model = KernelAutoencoder(options)
    model.fit(train, context)

    best = min(reports, key=lambda report: report.validation_rmse)
    again = KernelAutoencoder(options)
    again.fit(train, FitContext(epochs=best.epoch))
    assert best.epoch <= 6 < len(reports)
    pairs = train, *all_pairs(train)
    np.testing.assert_allclose(model.predict(*pairs), again.predict(*pairs), rtol=1e-5)


@pytest.mark.parametrize("options", OPTIONS, ids=["sparse-fc", "glocal-k"])
def test_a_linear_map_of_ratings_maps_predictions(options) -> None:
    train, hidden = a_split()
    mapped, _ = (
        Ratings(
            users=part.users,
            items=part.items,
            values=5 * part.values - 15,
            n_users=part.n_users,
            n_items=part.n_items,
            scale=RatingScale(-10, 10),
        )
        for part in (train, hidden)
    )
    predictions = []
    for ratings in (train, mapped):
        model = KernelAutoencoder(options)
        model.fit(ratings, FitContext(seed=1, epochs=10))
        predictions.append(model.predict(ratings, hidden.users, hidden.items))

    errors = [
        rmse(predictions[0], hidden.values),
        rmse(predictions[1], 5 * hidden.values - 15) / 5,
    ]
    assert errors[0] == pytest.approx(errors[1], rel=0.002)


def test_a_user_and_an_item_without_ratings_are_predicted_near_the_mean() -> None:
    matrix = np.full((12, 10), np.nan, dtype=np.float32)
    draw = np.random.default_rng(0)
    matrix[:10, :9] = draw.integers(1, 6, size=(10, 9))
    train = from_matrix(matrix, RatingScale(1, 5))
    model = KernelAutoencoder(OPTIONS[0])
    model.fit(train, FitContext(epochs=20))

    whole = model.predict(train, *all_pairs(train)).reshape(12, 10)
    assert np.allclose(whole[10:], train.values.mean(), atol=1e-4)
    assert np.all(np.abs(whole[:10, 9] - 3) < 2)
