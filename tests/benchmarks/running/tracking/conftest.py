"""A store of MLflow's that is there already: to make its tables takes longer than whatever a test logs."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(autouse=True)
def store(home: Path, empty_store: Path) -> None:
    (home / "mlflow").mkdir()
    shutil.copy(empty_store, home / "mlflow")
