"""What the command sets before it computes anything."""

import os
import subprocess
import sys

from strokebench.benchmarks.running.process import keep_private


def test_no_file_of_the_current_folder_is_run(tmp_path, monkeypatch):
    """Workers and MLflow's server are started by `python -m`: a `joblib.py` beside another's cohort was run."""
    (tmp_path / "planted.py").write_text("print('run')")
    for name in ("PYTHONSAFEPATH", "PYTHONPATH"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)

    def start() -> str:
        command = [sys.executable, "-m", "planted"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout

    assert start() == "run\n"
    before = os.umask(0o022)
    try:
        keep_private()
        assert start() == "" and os.umask(0o022) == 0o077
    finally:
        os.umask(before)
