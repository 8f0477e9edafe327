"""`python -m latentlab.cluster.kind`: the numerical class of this machine under `numerics: native`."""

from latentlab.numerics.portable import set_switches


def main() -> None:
    """Print it."""
    set_switches("native")  # before numpy is imported
    from latentlab.numerics.fingerprint import class_of, of_tensorflow
    from latentlab.numerics.tensorflow import start_tensorflow

    start_tensorflow(seed=0, threads=1)
    print(class_of(of_tensorflow()))


if __name__ == "__main__":
    main()
