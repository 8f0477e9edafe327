"""A new SQLite database for MLflow, which appears whole or not at all."""

import shutil
import tempfile
from pathlib import Path

from mlflow.tracking import MlflowClient

from latentlab.errors import UserError
from latentlab.storage.replacing import replacing
from latentlab.tracking.place import VARIABLE, Place, StoreError


def make_if_new(place: Place) -> None:
    """Fill an SQLite database that has nothing yet. Raises `StoreError`, `MlflowException`, `SQLAlchemyError`.

    MLflow migrates it in dozens of steps, and cannot go on after a kill or a full disk in the midst of one.
    """
    path = place.sqlite
    if path is None or not path.is_file() or path.stat().st_size:
        return
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / path.name
        MlflowClient(f"sqlite:///{made}").search_experiments(max_results=1)
        try:
            with replacing(path.resolve()) as temporary:
                shutil.copyfile(made, temporary)
        except UserError as error:
            raise StoreError(f"{VARIABLE}: {place} cannot be used: {error}") from None
