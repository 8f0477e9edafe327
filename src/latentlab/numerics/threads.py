"""How many threads libraries use: part of a result, as the order of float sums depends on it."""

from threadpoolctl import threadpool_limits


def limit_threads(threads: int) -> None:
    """Let BLAS and OpenMP use this many threads from now on."""
    threadpool_limits(threads)
