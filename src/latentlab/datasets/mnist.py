"""MNIST: 70,000 handwritten digits (LeCun, Cortes and Burges), of which 10,000 are the test split."""

from latentlab.sources.dataset import Dataset
from latentlab.sources.mnist_files import Gzipped, Published

MNIST = Published(
    name="mnist",
    source="LeCun, Cortes, Burges: the MNIST database, http://yann.lecun.com/exdb/mnist",
    sha256={
        "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    },
    files={  # MD5 as torchvision.datasets.MNIST has them
        "x_train": Gzipped("f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422),
        "y_train": Gzipped("d53e105ee54ea40749a09fcbcd1e9432", 28_881),
        "x_test": Gzipped("9fb629c4189551a2d022fa330f9573f3", 1_648_877),
        "y_test": Gzipped("ec29112dd5afa0611ce80d1b7f02629c", 4_542),
    },
    urls=("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"),
)


def load() -> Dataset:
    """Images (70000, 28, 28, 1) and labels (70000,), the training images first."""
    return MNIST.load()
