"""Another package brings a modality, its encoder, a method that reads it and a cohort: no file of ours knows of it."""

import pytest
from guest_package import install

from strokebench.benchmarks.experiments.find import find_experiment
from strokebench.benchmarks.running.build import build_context
from strokebench.benchmarks.running.runner import run_experiment
from strokebench.benchmarks.running.settings import Settings
from strokebench.methods.conformance import check
from strokebench.methods.registry import find_method
from strokebench.tasks import inputs

GUEST = '''
from dataclasses import dataclass, replace
import numpy as np, torch
from small_cohort import make_cohort
from torch import nn
from strokebench.datasets.cohort import Column, Kind
from strokebench.datasets.encoders.contract import ModalityEncoder
from strokebench.methods.base import Family
from strokebench.methods.neural import NeuralMethod
from strokebench.tasks.inputs import Modality, Row, register_modality

register_modality(Modality("ecg", "ECG", {"ecg": Row(("leads",))}))

def load():
    """Twelve numbers of each patient's ECG but the first's, which tell the outcome."""
    cohort = make_cohort(80, name="heart", outcomes={"nihss": "nihss < 7"})
    random = np.random.default_rng(0)
    leads = [" ".join(map(str, 2.0 * (nihss < 7) + random.normal(size=12))) for nihss in cohort.table["nihss"]]
    columns = {**cohort.columns, "leads": Column(Kind.CATEGORICAL)}
    return replace(cohort, table=cohort.table.assign(leads=[None, *leads[1:]]), columns=columns, banned=("leads",))

class Leads(ModalityEncoder):
    name, modality = "twelve leads", "ecg"
    def fingerprint(self):
        return "leads 1"
    def sources(self, cohort):
        return cohort.table.get("leads")
    def encode(self, sources):
        return {"ecg": np.array([source.split() for source in sources], np.float32).reshape(-1, 12)}

@dataclass(kw_only=True, eq=False, repr=False)
class HeartNet(NeuralMethod):
    """Source: a test."""
    name, label, family, reads = "heart_net", "HeartNet", Family.MULTIMODAL, ("ecg", "table", "present")
    learning_rate: float = 0.05
    def build(self, sizes):
        return Net({name: sizes[name] for name in self.reads})

class Net(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layer, self.reads = nn.Linear(sum(size[0] for size in sizes.values()), 1), list(sizes)
    def forward(self, batch):
        return self.layer(torch.cat([batch[name] for name in self.reads], 1)).squeeze(1), {}
'''
POINTS = {"methods": {"heart_net": "HeartNet"}, "encoders": {"leads": "Leads"}, "cohorts": {"heart": "load"}}


def test_it_goes_through_both_tables(tmp_path, monkeypatch: pytest.MonkeyPatch, console):
    monkeypatch.setattr(inputs, "_registered", {**inputs._registered})
    install(tmp_path / "site", monkeypatch, "heart", GUEST, POINTS)
    settings = Settings(dataset="heart", methods=("heart_net", "svm", "vdafm"), quick=True, tracking=False)
    context = build_context(settings, console)
    assert context.modalities == {"ecg", "table"} and context.embeddings.encoders == {"ecg": "twelve leads"}
    first = run_experiment(find_experiment("table1"), context, console).results
    assert [method.name for method in first.methods] == ["heart_net", "svm"]
    second = run_experiment(find_experiment("table2"), context, console)
    assert set(second.results.runs["condition"]) == {"table", "ecg", "complete", "table@test", "ecg@test"}
    table = (second.folder / "table2.md").read_text()
    assert "| ECG " in table and "| Table + ECG " in table
    promises = ["description", "declared_modalities", "missing_values", "absent_modalities"]
    assert not [result.message for result in check(find_method("heart_net"), promises) if not result.passed]
