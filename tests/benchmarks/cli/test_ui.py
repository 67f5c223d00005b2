"""`strokebench ui`: what is shown, on this machine alone."""

import optuna
import optuna_dashboard
import pytest
from typer.testing import CliRunner

from strokebench.benchmarks.cli import ui
from strokebench.benchmarks.cli.main import app
from strokebench.benchmarks.tuning.space import default_storage, open_storage


def call(*words: str):
    return CliRunner().invoke(app, ["ui", *words])


@pytest.fixture
def served(monkeypatch, tmp_path):
    """What would be served: names of studies, host and port."""
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    seen = []

    def run_server(storage, host, port):
        seen.append(([study.study_name for study in storage.get_all_studies()], host, port))

    monkeypatch.setattr(optuna_dashboard, "run_server", run_server)
    return seen


def test_the_studies_of_tune_are_served_to_this_machine(served):
    optuna.create_study(storage=open_storage(default_storage()), study_name="vdafm/virtual")
    done = call("--studies", "--port", "8123")
    assert done.exit_code == 0 and served == [(["vdafm/virtual"], "127.0.0.1", 8123)]


def test_another_storage(served, tmp_path):
    journal = str(tmp_path / "shared.journal")
    optuna.create_study(storage=open_storage(journal), study_name="of two machines")
    assert call("--studies", "--storage", journal).exit_code == 0
    assert served[0][0] == ["of two machines"]


@pytest.mark.parametrize(
    ("words", "told"), [(("--studies",), "strokebench tune METHOD"), (("--storage", "x.db"), "--studies")]
)
def test_nothing_to_show_is_told(served, words, told):
    done = call(*words)
    assert done.exit_code != 0 and told in done.output and not served


def test_without_mlflow_s_server_its_extra_is_named(monkeypatch):
    monkeypatch.setattr(ui, "find_spec", lambda name: None)
    told = call()
    assert told.exit_code == 1 and "strokebench[ui]" in told.output


def test_the_store_s_password_stands_in_no_list_of_processes(monkeypatch, tmp_path):
    class Server:
        pid = 0

        def __init__(self, command, env, **_):
            assert command[-1] == "5001" and not any("secret" in word for word in command)
            assert env["MLFLOW_BACKEND_STORE_URI"] == f"sqlite:///{tmp_path}/mlflow.db?password=secret"

        def wait(self, *_):
            return 7

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db?password=secret")
    monkeypatch.setattr(ui.subprocess, "Popen", Server)
    monkeypatch.setattr(ui.os, "killpg", lambda *_: None)
    assert call("--port", "5001").exit_code == 7


def test_the_pages_of_a_server_are_its_own(monkeypatch):
    """MLflow's own command ends in a traceback there."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@mlflow.hospital")
    monkeypatch.setattr(ui.subprocess, "Popen", lambda *_, **__: pytest.fail("nothing is served"))
    told = call()
    assert told.exit_code == 0 and "https://mlflow.hospital" in told.output


@pytest.mark.parametrize("port", ["0", "70000"])
def test_a_port_that_no_browser_could_be_sent_to(served, port):
    assert call("--studies", "--port", port).exit_code == 2 and served == []
