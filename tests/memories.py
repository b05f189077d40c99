"""The memories of engine ``taxonn`` as their moves fill them."""

import numpy as np

from taxonn_hw.plan import Network


def memories(network: Network, parameters) -> tuple[np.ndarray, np.ndarray]:
    """Return ``(rows, biases)``: [n_rows, lanes] and [n_neurons], zeros where there are none."""
    rows, *scalars = network.pack(parameters)
    biases = scalars[0][:, 0] if scalars else np.zeros(network.n_neurons, dtype=np.int64)
    return rows.reshape(network.n_rows, network.lanes), biases
