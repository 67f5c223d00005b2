"""From another hospital's raw files, through the model's own encoders and preprocessing, to probabilities."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hospital_folder import clinical_table, save
from typer.testing import CliRunner

from strokebench.benchmarks.cli import main as cli
from strokebench.benchmarks.explanations.explain import explain
from strokebench.benchmarks.models.fit import fit
from strokebench.benchmarks.models.model import Model, load_model
from strokebench.benchmarks.models.served import Served
from strokebench.benchmarks.models.validate import validate
from strokebench.datasets.catalogue import load_cohort
from strokebench.datasets.encoders import registry
from strokebench.datasets.encoders.contract import TOKENS, ImageEncoder
from strokebench.datasets.images.target import Target
from strokebench.errors import StrokebenchError
from strokebench.reports.results import Results


class Brightness(ImageEncoder):
    """Sees how bright each slice is."""

    name = "brightness"
    target: ClassVar[Target] = Target((8, 8, 8), 24.0)
    version: ClassVar[str] = "1"
    dim = 8

    def fingerprint(self) -> str:
        return f"brightness {self.version}"

    def encode(self, volumes, device="cpu"):
        vectors = volumes.mean(axis=(1, 2)).astype(np.float32)
        return vectors, np.repeat(vectors[:, None], TOKENS, axis=1)


@pytest.fixture(autouse=True)
def brightness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.ENCODERS.own, "brightness", Brightness)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """24 patients with an image, a table and an outcome."""
    folder = tmp_path / "own"
    folder.mkdir()
    table = clinical_table(24).drop(columns=["hospital", "mrs"]).assign(dependent=[0, 1] * 12)
    table.to_csv(folder / "table.csv", index=False)
    for number, id in enumerate(table["id"]):
        data = np.zeros((12, 14, 10))
        data[2:10, 2:12, 2:8] = np.random.default_rng(number).integers(50, 200, (8, 10, 6))
        save(folder / f"{id}.nii.gz", data, (12, 12, 12))
    columns = "columns: {age: {unit: years}, glucose: {unit: mmol/l}}\n"
    (folder / "cohort.yaml").write_text(
        f"table: table.csv\nid: id\noutcome: dependent\nimages: '{{id}}.nii.gz'\ntext: none\n{columns}"
    )
    return folder / "cohort.yaml"


@pytest.fixture
def other(own: Path, tmp_path: Path) -> Path:
    """One of them in another hospital, which does not know the outcome and has words and units of its own."""
    folder = tmp_path / "other"
    folder.mkdir()
    shutil.copy(own.parent / "p07.nii.gz", folder / "scan-9.nii.gz")
    row = pd.read_csv(own.parent / "table.csv", index_col="id").loc["p07"]
    sex = {"female": "w", "male": "m"}[row["sex"]]
    (folder / "table.csv").write_text(f"nr;alter;sex;sugar\n9;{row['age']};{sex};{18.016 * row['glucose']:.4f}\n")
    columns = "columns: {alter: {unit: years}, sugar: {unit: mg/dl}}\n"
    (folder / "cohort.yaml").write_text(
        f"table: table.csv\nid: nr\noutcome: none\nimages: 'scan-{{id}}.nii.gz'\ntext: none\n{columns}"
    )
    (folder / "columns.yaml").write_text(
        "columns:\n"
        "  alter: age\n"
        "  sugar: {is: glucose, times: 0.0555062}\n"
        "  sex: {is: sex, values: {w: female, m: male}}\n"
    )
    return folder / "cohort.yaml"


def made(own: Path) -> Model:
    parameters = {"max_epochs": 1, "hidden": 8, "width": 8}
    return fit("image_net", str(own), encoders="brightness+minilm", params=parameters, jobs=1)


def test_one_patient_of_another_hospital(own: Path, other: Path, tmp_path: Path):
    made(own).save(tmp_path / "model")
    model = load_model(tmp_path / "model")
    cohort, mapping = load_cohort(str(other)), other.parent / "columns.yaml"
    there = model.predict_proba(cohort, mapping, jobs=1)
    here = load_cohort(str(own))
    # A network sums a batch of one in another order.
    np.testing.assert_allclose(there[0], model.predict_proba(here, jobs=1)[here.ids.get_loc("p07")], atol=1e-7)
    examined = model.examine(cohort, mapping)
    assert list(model.seen.among(examined.content, model.encode(examined.cohort, jobs=1))) == ["image"]
    row = pd.DataFrame({"image": [str(other.parent / "scan-9.nii.gz")]})
    np.testing.assert_allclose(Served(model).predict(row)["p"], there[:, 1], atol=1e-12)


def test_its_table_is_read_in_the_model_s_words_and_units(own: Path, other: Path):
    model = fit("random_forest", str(own), params={"trees": 20}, jobs=1)
    cohort, mapping = load_cohort(str(other)), other.parent / "columns.yaml"
    here = load_cohort(str(own))
    # The forest reads no image, so none is encoded.
    there = model.predict_proba(cohort, mapping, weights=Path("nowhere"))
    np.testing.assert_allclose(there[0], model.predict_proba(here)[here.ids.get_loc("p07")])
    with pytest.raises(StrokebenchError, match=r"age, glucose.*: not in the table"):
        model.predict_proba(cohort)


@pytest.mark.parametrize(
    "use",
    [
        lambda model, path: fit("logistic_regression", path, part=path.parent / "part.txt"),
        lambda model, path: validate([model], path),
        lambda model, path: explain(model, "p07", path),
    ],
    ids=["fit", "validate", "explain"],
)
def test_a_cohort_s_file_may_be_a_path(own: Path, use):
    (own.parent / "part.txt").write_text("\n".join(load_cohort(own).ids))
    assert use(fit("logistic_regression", str(own)), own)


def test_an_encoder_that_is_another_by_now_is_refused(own: Path, monkeypatch: pytest.MonkeyPatch):
    model = made(own)
    monkeypatch.setattr(Brightness, "version", "2")
    with pytest.raises(StrokebenchError, match="brightness is not the one"):
        model.predict_proba(load_cohort(str(own)))


def test_other_images_than_the_encoder_s_are_refused(own: Path):
    model, cohort = made(own), load_cohort(str(own))
    bare = {name: getattr(cohort, name) for name in cohort.__dataclass_fields__} | {"images": None}
    features = {"image.vector": pd.DataFrame(np.zeros((24, 8)), cohort.ids)}
    with pytest.raises(StrokebenchError, match="image: the cohort brings features of its own"):
        model.predict_proba(type(cohort)(**{**bare, "features": features}))


ELSEWHERE = """import sys
absent = sys.argv.pop(1).split(",")
class Absent:
    def find_spec(name, *rest):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent)
from strokebench.benchmarks.cli.main import main
main()
"""
NOT_NEEDED = "mlflow,optuna,imblearn,statsmodels,sqlalchemy,monai,transformers,nilearn,matplotlib,distributed,openai"


def elsewhere(absent: str, *given: object) -> subprocess.CompletedProcess[str]:
    """A command where these packages are not installed."""
    command = [sys.executable, "-c", ELSEWHERE, absent, *map(str, given)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.long
@pytest.mark.parametrize(
    ("method", "parameters", "needed"),
    [
        ("logistic_regression", {}, ()),
        ("xgboost", {}, ("xgboost",)),
        ("mlp", {"max_epochs": 1, "hidden": 8, "width": 8}, ("torch",)),
    ],
)
def test_where_only_training_s_libraries_are_missing_it_predicts_the_same(
    own: Path, tmp_path: Path, method: str, parameters: dict, needed: tuple[str, ...]
):
    model = fit(method, str(own), params=parameters, jobs=1, to=tmp_path / "model")
    given = ["predict", tmp_path / "model", "--dataset", own, "--to", tmp_path / "p.csv"]
    absent = ",".join([NOT_NEEDED, *({"torch", "xgboost"} - {*needed})])
    done = elsewhere(absent, *given)
    assert done.returncode == 0, done.stderr
    there = pd.read_csv(tmp_path / "p.csv")["p"]
    np.testing.assert_allclose(there, model.predict_proba(load_cohort(str(own)))[:, 1], atol=1e-6)
    for library in needed:
        failed = elsewhere(library, *given)
        assert failed.returncode and library in failed.stderr and "unexpected" not in failed.stderr


COLUMNS = "columns: {age: {unit: years}, glucose: {unit: mmol/l}, sex: categorical}\n"
MAPPING = """columns:
  alter: age
  sugar: {is: glucose, times: 0.0555062}
  sex: {is: sex, values: {w: female, m: male}}
"""


def sequences(folder: Path, names: tuple[str, ...], table: pd.DataFrame, id: str, columns: str, seed: int) -> Path:
    """A hospital's folder with these sequences of each patient."""
    folder.mkdir()
    table.to_csv(folder / "table.csv", index=False)
    for number, patient in enumerate(table[id]):
        for place, name in enumerate(names):
            data = np.zeros((12, 14, 10))
            data[2:10, 2:12, 2:8] = np.random.default_rng([seed, number, place]).integers(50, 200, (8, 10, 6))
            save(folder / f"{patient}_{name}.nii.gz", data, (12, 12, 12))
    images = ", ".join(f"{name}: '{{id}}_{name}.nii.gz'" for name in names)
    reports = "text: {columns: {report: report}}\n"
    (folder / "cohort.yaml").write_text(
        f"table: table.csv\nid: {id}\noutcome: mrs > 2\nimages: {{{images}}}\n{reports}{columns}"
    )
    return folder / "cohort.yaml"


def test_a_hospital_with_other_words_and_units_that_lacks_a_sequence_validates_by_a_short_mapping(
    tmp_path: Path,
):
    table = clinical_table(40).drop(columns="hospital").assign(report="Infarct on the left .", mrs=[0, 5, 1, 4] * 10)
    own = sequences(tmp_path / "own", ("dwi", "adc"), table, "id", COLUMNS, 1)
    foreign = table.rename(columns={"id": "nr", "age": "alter"}).drop(columns="glucose")
    sex = table["sex"].map({"female": "w", "male": "m"})
    foreign = foreign.assign(sugar=18.016 * table["glucose"].astype(float), sex=sex)
    units = "columns: {alter: {unit: years}, sugar: {unit: mg/dl}, sex: categorical}\n"
    other = sequences(tmp_path / "other", ("dwi",), foreign, "nr", units, 2)
    mapping = tmp_path / "columns.yaml"
    mapping.write_text(MAPPING)
    model = fit("modality_dropout", str(own), encoders="brightness+minilm", params={"max_epochs": 1}, jobs=1,
                to=tmp_path / "model")  # fmt: skip
    found = model.examine(load_cohort(str(other)), mapping)
    assert not found.problems
    assert "adc: 40 of 40 patients have none; Concat, modality dropout is told so" in found.notes
    given = ["validate", tmp_path / "model", "--dataset", other, "--columns", mapping, "--out", tmp_path / "out"]
    shown = CliRunner().invoke(cli.app, [*map(str, given), "--jobs", "1"])
    assert shown.exit_code == 0, shown.output
    results = Results.read(tmp_path / "out")
    p = model.predict_proba(load_cohort(str(other)), mapping, jobs=1)
    np.testing.assert_allclose(results.predictions.set_index("patient_id")["p"].loc[list(foreign["nr"])], p[:, 1])
