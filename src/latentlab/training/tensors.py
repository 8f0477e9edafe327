"""From arrays to tensors."""

import numpy as np
import tensorflow as tf

from latentlab.storage.memory import ALIGNMENT, Array


def as_tensor(array: Array | tf.Tensor) -> tf.Tensor:
    """The array as a tensor, on the same memory if that is aligned: nothing may write to the array any more.

    `tf.constant` makes one copy, and another one that lives until the next operation.
    """
    aligned = isinstance(array, np.ndarray) and array.flags.c_contiguous and array.ctypes.data % ALIGNMENT == 0
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__()) if aligned else tf.convert_to_tensor(array)
