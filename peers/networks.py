"""The networks that peers run, written with jax.numpy as their users would write them.

Shapes are exactly those of the models in models/; weights are random, since no cost of a two-party protocol may depend
on them. Each entry of `NETWORKS` makes an image, weights and the function of both.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax


def convolution(x, weights, stride=1, padding=0):
    return lax.conv_general_dilated(
        x, weights, (stride, stride), [(padding, padding)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def relu(x):
    return jnp.maximum(x, 0)


def maximum_pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def average_pool(x):
    return lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") * 0.25


def flatten(x):
    return x.reshape(1, -1)


def small28(x, w):
    """CryptoNets with ReLU: 845 + 100 activations, as models/small28-mnist.onnx."""
    x = relu(convolution(x, w[0], stride=2, padding=1) + w[1])
    x = relu(flatten(x) @ w[2] + w[3])
    return x @ w[4] + w[5]


def network_d(x, w):
    """MiniONN's MNIST network, as models/d-mnist.onnx. ReLU stands behind the pooling, where it costs a quarter."""
    x = relu(maximum_pool(convolution(x, w[0]) + w[1]))
    x = relu(maximum_pool(convolution(x, w[2]) + w[3]))
    x = relu(flatten(x) @ w[4] + w[5])
    return x @ w[6] + w[7]


def cifar7(x, w):
    """MiniONN's CIFAR-10 network, as models/cifar7.onnx."""
    for layer in range(2):
        x = relu(convolution(x, w[4 * layer], padding=1) + w[4 * layer + 1])
        x = relu(convolution(x, w[4 * layer + 2], padding=1) + w[4 * layer + 3])
        x = average_pool(x)
    x = relu(convolution(x, w[8], padding=1) + w[9])
    x = relu(convolution(x, w[10]) + w[11])
    x = relu(convolution(x, w[12]) + w[13])
    return flatten(x) @ w[14] + w[15]


# name: (function, shape of the image, shapes of the layers' weights)
NETWORKS = {
    "small28": (small28, (1, 28, 28, 1), [(5, 5, 1, 5), (845, 100), (100, 10)]),
    "d": (network_d, (1, 28, 28, 1), [(5, 5, 1, 16), (5, 5, 16, 16), (256, 100), (100, 10)]),
    "cifar": (
        cifar7,
        (1, 32, 32, 3),
        [(3, 3, 3, 64), *[(3, 3, 64, 64)] * 4, (1, 1, 64, 64), (1, 1, 64, 16), (1024, 10)],
    ),
}


def make(name):
    """The function, an image and weights, the same at every call."""
    function, image, layers = NETWORKS[name]
    random = np.random.default_rng(1)
    weights = []
    for shape in layers:
        spread = (2 / np.prod(shape[:-1])) ** 0.5  # keeps the size of activations
        weights.append(random.normal(0, spread, shape).astype(np.float32))
        weights.append(random.normal(0, 0.1, shape[-1]).astype(np.float32))
    return function, random.random(image, np.float32), weights
