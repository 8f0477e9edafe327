"""Fashion-MNIST: 70,000 articles of clothing (Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747), 10,000 to test."""

from pathlib import Path

from latentlab.sources.dataset import Dataset
from latentlab.sources.mnist_files import Gzipped, Published

FASHION_MNIST = Published(
    name="fashion_mnist",
    source="Xiao, Rasul, Vollgraf: Fashion-MNIST, https://github.com/zalandoresearch/fashion-mnist",
    sha256={
        "x_train": "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        "y_train": "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        "x_test": "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        "y_test": "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
    },
    files={  # MD5 as the README of the source has them
        "x_train": Gzipped("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
        "y_train": Gzipped("25c81989df183df01b3e8a0aad5dffbe", 29_515),
        "x_test": Gzipped("bef4ecab320f06d8554ea6380940ec79", 4_422_102),
        "y_test": Gzipped("bb300cfdad3c16e7a12a480ee83cd310", 5_148),
    },
    urls=(
        "https://fashion-mnist.s3.eu-central-1.amazonaws.com",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",  # the same, as the source has it
    ),
    packages=(Path("/usr/share/datasets/fashion-mnist"),),
    package_hint=", or on Debian and Ubuntu `apt-get install dataset-fashion-mnist`",
)


def load() -> Dataset:
    """Images (70000, 28, 28, 1) and labels (70000,), the training images first."""
    return FASHION_MNIST.load()
