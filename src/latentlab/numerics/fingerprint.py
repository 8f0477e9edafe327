"""The numerical fingerprint of a machine: hashes of fixed inputs sent through every kind of kernel that stages use.

Machines with the same hashes compute the same results; one that differs names the kernel. Inputs are multiples
of 2^-14, and the same on every CPU.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from latentlab.numerics import portable

DIGITS = 12  # of a hash
SEED = 1
MANY = (20_000,)

Shape = tuple[int, ...]


class Kernel(NamedTuple):
    """Shapes of float32 inputs with entries in [-4, 4), and what is computed of them, given TensorFlow first."""

    shapes: tuple[Shape, ...]
    compute: Callable[..., Any]


KERNELS = {
    "product": Kernel(((64, 96), (96, 48)), lambda tf, x, y: x @ y),
    "product of long sums": Kernel(((128, 784), (784, 512)), lambda tf, x, y: x @ y),
    "product of a transposed": Kernel(((32, 784), (32, 32)), lambda tf, x, y: tf.matmul(x, y, transpose_a=True)),
    "product by a transposed": Kernel(((48, 784), (32, 784)), lambda tf, x, y: tf.matmul(x, y, transpose_b=True)),
    "convolution": Kernel(((4, 14, 14, 16), (3, 3, 16, 8)), lambda tf, x, k: tf.nn.conv2d(x, k, 1, "SAME")),
    "convolution of one channel": Kernel(
        ((4, 28, 28, 1), (3, 3, 1, 32)), lambda tf, x, k: tf.nn.conv2d(x, k, 2, "SAME")
    ),
    "convolution, transposed": Kernel(
        ((4, 7, 7, 16), (4, 4, 8, 16)), lambda tf, x, k: tf.nn.conv2d_transpose(x, k, [4, 14, 14, 8], 2, "SAME")
    ),
    "convolution, by its kernel": Kernel(
        ((4, 14, 14, 16), (4, 14, 14, 8)),
        lambda tf, x, y: tf.raw_ops.Conv2DBackpropFilter(
            input=x, filter_sizes=[3, 3, 16, 8], out_backprop=y, strides=[1, 1, 1, 1], padding="SAME"
        ),
    ),
    "exponentials": Kernel((MANY,), lambda tf, x: tf.exp(-tf.abs(x))),
    "logarithms": Kernel((MANY,), lambda tf, x: tf.math.log(tf.abs(x) + 2.0**-20) + tf.math.log1p(tf.abs(x))),
    "sigmoid and tanh": Kernel((MANY,), lambda tf, x: tf.sigmoid(x) + tf.tanh(x)),
    "quotients and roots": Kernel((MANY, MANY), lambda tf, x, y: x / (tf.sqrt(tf.abs(y)) + 2.0**-20)),
    "sums": Kernel(((200, 100),), lambda tf, x: tf.concat([tf.reduce_sum(x, axis) for axis in (0, 1)], 0)),
    "random normals": Kernel((), lambda tf: tf.random.stateless_normal(MANY, [SEED, SEED])),
}
# CPUs look it up in tables of their makers', so no stage computes it outside XLA
IN_XLA_ALONE = {"reciprocal roots": Kernel((MANY,), lambda tf, x: tf.math.rsqrt(tf.abs(x) + 2.0**-20))}


def of_tensorflow() -> dict[str, str]:
    """Hashes of TensorFlow's own kernels and of XLA's by name. TensorFlow was started before."""
    import tensorflow as tf

    def computed(kernels: Mapping[str, Kernel], xla: bool) -> dict[str, str]:
        @tf.function(jit_compile=xla, autograph=False)
        def all_of_them(inputs: dict[str, list[Any]]) -> dict[str, Any]:
            return {name: kernels[name].compute(tf, *given) for name, given in inputs.items()}

        results = all_of_them({name: arrays(kernel.shapes) for name, kernel in kernels.items()})
        return {name + ", XLA" * xla: hash_of(results[name].numpy()) for name in kernels}

    return computed(KERNELS, xla=False) | computed(KERNELS | IN_XLA_ALONE, xla=True)


def class_of(hashes: Mapping[str, str]) -> str:
    """What machines of the same hashes have in common: `numerics` as it is in force, and a hash of the hashes."""
    return f"{portable.in_force()} {_digits(repr(sorted(hashes.items())).encode())}"


def arrays(shapes: tuple[Shape, ...]) -> list[Any]:
    """Float32 arrays of these shapes, with entries in [-4, 4)."""
    integers = np.random.default_rng(SEED)
    return [integers.integers(-(2**16), 2**16, shape).astype(np.float32) / np.float32(2**14) for shape in shapes]


def hash_of(array: Any) -> str:
    """Of an array's bytes."""
    return _digits(np.ascontiguousarray(array).tobytes())


def _digits(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]
