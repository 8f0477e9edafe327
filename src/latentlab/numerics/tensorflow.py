"""TensorFlow set up to give the same numbers each time: seeds, threads, deterministic kernels."""

import os
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import ModuleType

from latentlab.numerics import portable
from latentlab.numerics.caches import fix_cache_sizes
from latentlab.numerics.threads import limit_threads

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # faults reach Python as exceptions
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.update(portable.BOTH)
OPTIONAL = ("matplotlib", "pandas", "sklearn")  # Keras imports them if it can, for what nothing here uses


def import_tensorflow() -> None:
    """Import TensorFlow and Keras (4 s) without a word, and compute nothing yet."""
    with _stderr_held_back(), _hidden(OPTIONAL):
        import keras  # noqa: F401
        import tensorflow  # noqa: F401


def start_tensorflow(seed: int, threads: int) -> ModuleType:
    """Import TensorFlow with deterministic kernels, a fixed number of threads and a fixed seed.

    Where the switches of `numerics/portable.py` are set, products are the same on every CPU.
    Raises `RuntimeError` if TensorFlow already runs in this process with another number of threads.
    """
    import_tensorflow()
    import keras
    import tensorflow as tf

    with _stderr_held_back():
        for gpu in tf.config.list_physical_devices("GPU"):  # else the first process takes all memory of each
            if not tf.config.experimental.get_memory_growth(gpu):
                tf.config.experimental.set_memory_growth(gpu, True)
    limit_threads(threads)
    if tf.config.threading.get_intra_op_parallelism_threads() != threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.config.experimental.enable_op_determinism()
    keras.config.set_image_data_format("channels_last")  # as the next two, whatever a keras.json of the user's says
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.utils.set_random_seed(seed)
    if portable.in_force() == "portable":
        _keep_to_exact_kernels(tf)
    return tf  # type: ignore[no-any-return]


def _keep_to_exact_kernels(tf: ModuleType) -> None:
    """What `portable` needs beside switches: quotients as they stand, products in the same blocks on every CPU."""
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False})  # x / sqrt(y) to x * rsqrt(y)
    if os.environ.get("TF_CONFIG"):  # workers must meet before anything is computed; they sum in an order of their own
        return
    square, image, kernel = tf.eye(64), tf.ones([1, 8, 8, 4]), tf.ones([3, 3, 4, 4])

    def both() -> tuple[object, object]:
        return tf.matmul(square, square), tf.nn.conv2d(image, kernel, 1, "SAME")

    for xla in (True, False):  # each makes copies of its own
        tf.nest.map_structure(lambda result: result.numpy(), tf.function(both, jit_compile=xla, autograph=False)())
    fix_cache_sizes()


@contextmanager
def _hidden(modules: Collection[str]) -> Iterator[None]:
    """Have imports of modules fail in the block as if they were not installed, but of those that are there already."""
    absent = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None is Python's own mark for it
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextmanager
def _stderr_held_back() -> Iterator[None]:
    """Show what native code writes to stderr only if the block fails.

    TensorFlow greets with a dozen lines about oneDNN and CUDA before it looks at TF_CPP_MIN_LOG_LEVEL
    (https://github.com/tensorflow/tensorflow/issues/100442).
    """
    with tempfile.TemporaryFile() as held:
        stderr = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
