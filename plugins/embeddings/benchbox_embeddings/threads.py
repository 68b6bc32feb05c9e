"""Threads: how many a training step is worth."""

from benchbox_embeddings.network import Network

# Below both, waking a second thread for each of a step's many short sums costs more
# than it computes: with default options, and threads that sleep while they wait, a step
# took 4 times as long (measured). The same options give the same bytes.
_PRODUCTS = 1 << 26
_PARAMETERS = 1 << 20


def is_small(network: Network, batch_size: int) -> bool:
    """Return whether a step over so many pairs is done soonest by one thread."""
    per_pair = network.users.weight.shape[1] + sum(
        weights.numel() for weights in network.head.weights
    )
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    return batch_size * per_pair < _PRODUCTS and n_parameters < _PARAMETERS
