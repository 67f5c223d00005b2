"""A model in MLflow's store: its folder as it is, loaded by strokebench; nothing of it is a pickle."""

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from warnings import catch_warnings

from strokebench.benchmarks.models import served
from strokebench.benchmarks.models.model import Model
from strokebench.benchmarks.models.served import served_columns
from strokebench.benchmarks.running.tracking.mlflow import one_at_a_time, open_experiment, without_password
from strokebench.datasets.cohort import Column, Kind
from strokebench.errors import StrokebenchError

EXPERIMENT = "models"
MODEL_TAG = "strokebench.model"


def log_model(model: Model) -> str:
    """Log a model to MLflow (a local file, or MLFLOW_TRACKING_URI), as `strokebench fit --log` does.

    The whole folder goes there, marks of patients included where it has them: never unasked.

    Returns:
        Its address, for `mlflow models serve` and `mlflow.pyfunc.load_model`.

    Raises:
        StrokebenchError: rows of a table cannot hold what it reads, or the store does not take it.
    """
    columns = served_columns(model.description)
    try:
        # MLflow warns that no patients are given to it as an example.
        with one_at_a_time(), TemporaryDirectory() as place, catch_warnings(action="ignore", category=UserWarning):
            return _log(model, columns, Path(place))
    except Exception as error:
        raise StrokebenchError(f"MLflow did not take the model: {without_password(error)}.") from error


def _log(model: Model, columns: Mapping[str, Column], place: Path) -> str:
    client, experiment = open_experiment(EXPERIMENT, lambda line: None)
    import mlflow.pyfunc
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import AnyType

    said, origin = model.description, model.description.origin
    tags = {
        MODEL_TAG: said.id,
        "method": said.method,
        "cohort": origin.cohort,
        "outcome": said.outcome,
        "part": origin.part,
        "virtual": str(origin.synthetic).lower(),
        **{f"{name}_sha256": said.hashes[name] for name in ("data", "split", "code")},
    }
    # MLflow takes no whole number for a real one; what is none at all the model itself refuses.
    types = {name: AnyType() if one.kind is Kind.NUMERIC else "string" for name, one in columns.items()}
    signature = ModelSignature(
        Schema([ColSpec(kind, name) for name, kind in types.items()]),
        Schema([ColSpec("double", name) for name in model.endpoint.prediction_columns]),
    )
    model.save(place / "folder")
    mlflow.pyfunc.save_model(
        place / "model",
        loader_module=served.__name__,
        data_path=str(place / "folder"),
        signature=signature,
        # Else MLflow predicts something to see what is imported.
        pip_requirements=[f"strokebench=={said.strokebench}"],
    )
    name = f"{said.method}-{origin.cohort}-{model.endpoint.name}-{said.id}"
    run = client.create_run(experiment, run_name=name, tags={**tags, "mlflow.note.content": model.card}).info.run_id
    for key, value in said.parameters.items():
        client.log_param(run, key, value)
    client.log_metric(run, "validation_score", fmean(member.score for member in said.members))
    logged = client.create_logged_model(experiment, name, run, tags).model_id
    client.log_model_artifacts(logged, str(place / "model"))
    client.finalize_logged_model(logged, "READY")
    client.log_outputs(run, [LoggedModelOutput(logged, 0)])
    client.set_terminated(run)
    return f"models:/{logged}"
