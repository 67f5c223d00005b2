"""Contract, conformance, splits, metrics and statistics work where nothing heavy can be imported."""

import subprocess
import sys

HEAVY = ("torch", "mlflow", "transformers", "monai", "xgboost", "matplotlib", "nilearn", "huggingface_hub")
BLOCKED = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
"""
USED = """
import pkgutil
from importlib import import_module
import numpy as np, pandas as pd

rooms = "tasks tasks.metrics tasks.endpoints tasks.preparing reports.statistics methods.conformance"
for room in rooms.split():
    package = import_module(f"strokebench.{room}")
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")

from strokebench.methods.conformance import check
from strokebench.methods.random_forest import RandomForest
from strokebench.tasks import all_metrics, make_split, parse_endpoint

labels = pd.Series([0, 1] * 40, index=[f"p{n}" for n in range(80)])
assert len(make_split("cv5", labels, seeds=(39,)).folds) == 5
endpoint = parse_endpoint("mrs > 2")
assert all_metrics()["AUC"].function(endpoint, np.array([0, 1, 1]), np.array([0.1, 0.6, 0.4])) == 1
results = check(RandomForest, ["parameters", "same_seed", "global_random_state"])
assert [result.message for result in results] == [""] * 3, results
"""


def call(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_core_works_without_anything_heavy():
    done = call(BLOCKED + USED)
    assert done.returncode == 0, done.stderr


def test_what_is_blocked_would_be_noticed():
    assert "ModuleNotFoundError" in call(BLOCKED + "import strokebench.methods.vdafm").stderr
