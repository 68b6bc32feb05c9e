"""Whether training steps are small enough for a single thread to be fastest."""

from benchbox_embeddings.network import Network

# Below both limits, waking a second thread for each of a step's many short operations
# takes longer than it saves: with default options, and threads that sleep while they
# wait, a step took 4 times as long (measured). The limits are constants, so that the
# same options always give the same bytes.
_PRODUCTS = 1 << 26
_PARAMETERS = 1 << 20


def is_small(network: Network, batch_size: int, *, moves_rows: bool = False) -> bool:
    """Return whether a step over *batch_size* pairs is fastest with one thread.

    Args:
        network: The network.
        batch_size: Number of pairs.
        moves_rows: Whether a step moves only the rows that the pairs name, so that the
            number of parameters does not matter.
    """
    per_pair = network.users.weight.shape[1] + sum(
        weights.numel() for weights in network.head.weights
    )
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    few = moves_rows or n_parameters < _PARAMETERS
    return batch_size * per_pair < _PRODUCTS and few
