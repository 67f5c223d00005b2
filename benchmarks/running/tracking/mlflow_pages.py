"""MLflow's pages, over which its assistant does not open by itself at a browser's first visit."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

OPENED = "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1"
"""By this a browser remembers that the panel has opened by itself once; the button that opens it stays."""


def app() -> Any:
    """MLflow's server, started by `mlflow ui --app-name strokebench` (entry point of the group `mlflow.app`)."""
    from mlflow.server.fastapi_app import app as pages
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    page = first_page()
    # Before MLflow's own answer for every path.
    pages.router.routes.insert(0, Route("/", lambda request: HTMLResponse(page)))
    return pages


def first_page() -> str:
    """MLflow's page (HTML) with the mark set before anything else runs."""
    mlflow = find_spec("mlflow")
    assert mlflow is not None and mlflow.origin is not None
    html = (Path(mlflow.origin).parent / "server" / "js" / "build" / "index.html").read_text(encoding="utf-8")
    return html.replace("<head>", f"<head><script>localStorage.setItem('{OPENED}', 'true')</script>", 1)
