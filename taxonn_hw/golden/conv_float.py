"""Convolution and pooling of the float64 reference; see :mod:`taxonn_hw.plan.conv` for the sizes.

A *delta* of a conv layer is dE/dz at every position, float64 [n_positions * channels], positions in
window order; its weights are [channels, n_taps].
"""

from collections.abc import Callable

import numpy as np

from ..plan import ConvLayer

__all__ = ["columns", "image_sums", "input_gradient", "kernel_gradient", "pool_image"]


def columns(x: np.ndarray, layer: ConvLayer) -> np.ndarray:
    """Return the input under every tap of the kernel, [..., n_positions, n_taps]."""
    x = np.asarray(x, dtype=np.float64)
    if layer.geometry.padding:
        x = np.concatenate([x, np.zeros((*x.shape[:-1], 1))], axis=-1)
    return x.take(layer.geometry.taps, axis=-1)


def image_sums(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, layer: ConvLayer) -> np.ndarray:
    """Return the pre-activations of a sample or a batch, [..., n_positions, channels]."""
    return columns(x, layer) @ weight.T + bias


def pool_image(a: np.ndarray, slope: np.ndarray, layer: ConvLayer
               ) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Return the image above [..., n_out], and the function that brings a gradient back.

    ``a`` and ``slope`` [..., n_positions, channels] are f(z) and f'(z).  The function takes dE/da
    of one sample's image above, [n_out], to its delta.
    """
    g = layer.geometry
    windows = (*a.shape[:-2], g.n_pooled, g.window, g.channels_out)
    a, slope = a.reshape(windows), slope.reshape(windows)
    if g.pool == "max":
        chosen = a.argmax(axis=-2, keepdims=True)
        share = np.zeros(windows)
        np.put_along_axis(share, chosen, 1.0, axis=-2)
        above = np.take_along_axis(a, chosen, axis=-2)
    else:  # without pooling a window is one position
        share = 1 / g.window
        above = a.mean(axis=-2, keepdims=True)
    slope = slope * share
    flat = above.reshape(*windows[:-3], g.n_out)
    return flat, lambda da: (da.reshape(g.n_pooled, 1, g.channels_out) * slope).ravel()


def input_gradient(weight: np.ndarray, delta: np.ndarray, layer: ConvLayer) -> np.ndarray:
    """Return dE/dx of the layer's input, [n_in]."""
    g = layer.geometry
    products = delta.reshape(g.n_positions, g.channels_out) @ weight
    return np.bincount(g.taps.ravel(), weights=products.ravel(), minlength=g.n_in + 1)[:g.n_in]


def kernel_gradient(x: np.ndarray, delta: np.ndarray, layer: ConvLayer
                    ) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradients of kernels [channels, n_taps] and biases [channels]."""
    delta = delta.reshape(-1, layer.geometry.channels_out)
    return delta.T @ columns(x, layer), delta.sum(axis=0)
