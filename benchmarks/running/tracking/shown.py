"""How MLflow's pages show what was logged."""

import os
import sys
from importlib.metadata import entry_points
from urllib.parse import quote, urlencode

from strokebench.benchmarks.running.tracking.mlflow import (
    GROUP_TAG,
    database_of,
    move_artifacts,
    opened,
    tracking_uri,
)
from strokebench.files import home

ALIKE_TAGS = ("cohort", "outcome", "protocol", "quick", "labels_shuffled", "seeds", "encoders", "sizes", "balance")
"""Methods are compared where these are equal."""


def ui_command(port: int) -> list[str]:
    """The command that shows the logged runs in a browser, with their files where the store lies now.

    The store is named by `MLFLOW_BACKEND_STORE_URI`: arguments, with the password of a database, everybody can list.
    """
    if database := database_of(tracking_uri()):
        move_artifacts(database)
    # Its server would tell of every request, import what lies in the current folder, and its assistant open over the
    # page (not in an older installation).
    quiet = ["--uvicorn-opts", f"--log-level warning --app-dir {os.devnull}"]
    if entry_points(group="mlflow.app", name="strokebench"):
        quiet += ["--app-name", "strokebench"]
    return [sys.executable, "-m", "mlflow", "ui", *quiet, "--port", str(port)]


def comparison_page(port: int) -> str:
    """The address that compares the methods of what was logged last; of another store, its first page.

    Bars of every metric, a method each, the best AUC (of grades, c) first, of one cohort, outcome and protocol. Sorted
    by the time of their start, which is MLflow's own order, methods would be folded away below their parent.
    """
    page, database = f"http://127.0.0.1:{port}", home("mlflow", "mlflow.db")
    if os.environ.get("MLFLOW_TRACKING_URI") or not database.is_file():
        return page
    # Studies and models have no methods to compare.
    query = """SELECT experiment_id, run_uuid FROM runs JOIN experiments USING (experiment_id)
        JOIN tags USING (run_uuid) WHERE experiments.name LIKE 'strokebench/%' AND tags.key = ?
        AND runs.lifecycle_stage = 'active' AND experiments.lifecycle_stage = 'active'
        ORDER BY start_time DESC LIMIT 1"""
    newest, tags = None, dict[str, str]()
    with opened(database) as connection:
        newest = connection.execute(query, (GROUP_TAG,)).fetchone()
        tags = dict(connection.execute("SELECT key, value FROM tags WHERE run_uuid = ?", newest[1:]) if newest else ())
    # MLflow's search knows no escape for a quotation mark.
    alike = [f"tags.{name} = '{tags[name]}'" for name in ALIKE_TAGS if "'" not in tags.get(name, "'")]
    shown = {
        "searchFilter": " AND ".join([f"tags.`{GROUP_TAG}` LIKE '%'", *alike]),
        "orderByKey": f"metrics.`{tags.get('ranked_by', 'AUC')}`",
        "orderByAsc": "false",
        "compareRunsMode": "CHART",
        "workflowType": "machine_learning",
    }
    return f"{page}/#/experiments/{newest[0]}/runs?{urlencode(shown, quote_via=quote)}" if newest else page
