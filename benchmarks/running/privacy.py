"""Nothing is sent anywhere unless asked for."""

from __future__ import annotations

import os


def set_privacy() -> None:
    """No telemetry of the libraries used, and no long waiting for a server that is not there.

    What the user has set in the environment stays.
    """
    defaults = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
