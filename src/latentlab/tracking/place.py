"""Where the runs are: the store in MLFLOW_TRACKING_URI, else `mlflow.db` and `mlartifacts/` in the project's folder."""

import os
from dataclasses import dataclass
from pathlib import Path

from latentlab.config import project
from latentlab.errors import UserError
from latentlab.tracking.access import hidden

VARIABLE = "MLFLOW_TRACKING_URI"


class StoreError(UserError):
    """MLflow cannot be used, or refused something."""


@dataclass(frozen=True)
class Place:
    """The address of a store. `database` and `artifacts` are set for the project's own alone."""

    uri: str
    database: Path | None = None
    artifacts: Path | None = None

    @classmethod
    def of(cls, folder: Path) -> "Place":
        """The place that the environment, or else the project that `folder` belongs to, has for runs."""
        if uri := os.environ.get(VARIABLE):
            return cls(uri)
        root = project.home(folder)
        return cls(f"sqlite:///{root}/mlflow.db", root / "mlflow.db", root / "mlartifacts")

    def __str__(self) -> str:
        """The address, without the password that it may have."""
        return hidden(self.uri)

    @property
    def sqlite(self) -> Path | None:
        """The file of an SQLite database, the project's own or another."""
        return Path(self.uri.removeprefix("sqlite:///")) if self.uri.startswith("sqlite:///") else None
