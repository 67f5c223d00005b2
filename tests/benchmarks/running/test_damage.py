"""One flipped bit in any kind of stored file is found when it is read, or changes nothing that is read.

`STROKEBENCH_FLIPS` sets how many bits of each kind are tried, each on a fresh copy.
"""

import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from strokebench.benchmarks.running.build import remembered_split
from strokebench.benchmarks.running.parameters import Tuned, read_tuned
from strokebench.benchmarks.running.store import Store
from strokebench.datasets.encoders.store import EmbeddingStore, read_finished, write_finished
from strokebench.errors import StrokebenchError
from strokebench.files import damaged_file, read_json, write_json, write_manifest
from strokebench.methods.concat import Concat
from strokebench.methods.conformance.subject import MadeUp
from strokebench.methods.svm import SVM
from strokebench.reports.page.parts import find_parts
from strokebench.reports.tables.section import Panel, Section, publish
from strokebench.reports.tables.table import Cell, Column, Row, Table
from strokebench.tasks.fold import Split

FLIPS = int(os.environ.get("STROKEBENCH_FLIPS", "6"))
KEY = "ab" * 32
TRAIN, VALIDATION, TEST = MadeUp(40, 1), MadeUp(20, 2), MadeUp(12, 3)
RNG = np.random.default_rng(0)
NOTHING = None
"""What is read of a piece that has to be made again."""


class Runs:
    @staticmethod
    def make(folder: Path) -> None:
        predictions = pd.DataFrame({"patient_id": [f"p{i}" for i in range(80)], "y": 1, "p": RNG.random(80)})
        Store(folder).write(KEY, predictions, {"method": "coin", "facts": {"parameters": 3}})

    @staticmethod
    def read(folder: Path) -> Any:
        store = Store(folder)
        store.drop_damaged([KEY])
        if store.status(KEY) != "done":
            return NOTHING
        predictions, record = store.read(KEY)
        return predictions.to_csv(), record


class Failures(Runs):
    @staticmethod
    def make(folder: Path) -> None:
        Store(folder).write_failure(KEY, {"error": "Traceback: no memory"})

    @staticmethod
    def read(folder: Path) -> Any:
        store = Store(folder)
        store.drop_damaged([KEY])
        return store.failure(KEY) if store.status(KEY) == "failed" else NOTHING


class EmbeddingSets:
    @staticmethod
    def make(folder: Path) -> None:
        keys = np.array(["a", "b", None], dtype=object)
        with tempfile.TemporaryDirectory() as chunks:
            chunk = Path(chunks) / "chunk.npz"
            np.savez(chunk, pooled=RNG.random((2, 50)))
            known = {"a": (chunk, 0), "b": (chunk, 1)}
            write_finished(folder, keys, known, {"pooled": (50,)}, {"encoder_fingerprint": "e"})

    @staticmethod
    def read(folder: Path) -> Any:
        found = read_finished(folder, ["pooled"], 3)
        return NOTHING if found is None else found["pooled"].tobytes()


class EmbeddingChunks:
    @staticmethod
    def make(folder: Path) -> None:
        EmbeddingStore("image", "e").keep(["a", "b"], {"pooled": RNG.random((2, 50))})
        chunks = EmbeddingStore("image", "e")._unfinished
        shutil.copytree(chunks, folder / "home" / "embeddings" / chunks.name)

    @staticmethod
    def read(folder: Path) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STROKEBENCH_HOME", str(folder / "home"))
            found = EmbeddingStore("image", "e").rows(["pooled"])
        return {key: np.load(path)["pooled"][row].tobytes() for key, (path, row) in found.items()} or NOTHING


class Folders:
    """Cohorts that were made once, whatever is in them."""

    @staticmethod
    def make(folder: Path) -> None:
        (folder / "images").mkdir()
        (folder / "images" / "p1.nii.gz").write_bytes(RNG.bytes(500))
        (folder / "clinical.csv").write_text("patient_id,nihss\np1,3\n")
        write_manifest(folder)

    @staticmethod
    def read(folder: Path) -> Any:
        if damaged_file(folder):
            return NOTHING
        return [(folder / name).read_bytes() for name in ("images/p1.nii.gz", "clinical.csv")]


class TunedFiles:
    @staticmethod
    def make(folder: Path) -> None:
        fold = {"seed": 39, "fold": 0, "params": {"C": 4.0}}
        Tuned("svm", {"C": 0.25}, (fold,), split_sha256="1f", cohort="x").write(folder / "svm.yaml")

    @staticmethod
    def read(folder: Path) -> Any:
        return read_tuned(folder / "svm.yaml")


class Models:
    method: Any = SVM()

    @classmethod
    def make(cls, folder: Path) -> None:
        cls.method.fit(TRAIN.x, TRAIN.y, VALIDATION.x, VALIDATION.y).save(folder)

    @classmethod
    def read(cls, folder: Path) -> Any:
        return type(cls.method).load(folder).predict_proba(TEST.x).tobytes()


class Networks(Models):
    method = Concat(hidden=8, width=8, max_epochs=1)


class Splits:
    @staticmethod
    def make(folder: Path) -> None:
        labels = pd.Series([0, 1] * 20, index=[f"p{i:02d}" for i in range(40)])
        remembered_split("cv5", labels, None, [39]).write(folder / "split.json")

    @staticmethod
    def read(folder: Path) -> Any:
        return Split.read(folder / "split.json")


class Kept:
    @staticmethod
    def make(folder: Path) -> None:
        write_json(folder / "seconds.json", {"svm": 0.25, "mlp": 12.5})

    @staticmethod
    def read(folder: Path) -> Any:
        return read_json(folder / "seconds.json")


class Reports:
    @classmethod
    def make(cls, folder: Path) -> None:
        rows = [Row("svm", "SVM", "Traditional", {"AUC": Cell(0.8338)})]
        table = Table("table1", "Table", "a cohort", "caption", [Column("AUC", "AUC")], rows)
        publish(Section("table1", "Table 1", "a cohort", [Panel("table1", table)], "83.38."), folder / "s" / "table1")

    @staticmethod
    def read(folder: Path) -> Any:
        [part] = find_parts([folder / "s"])
        panels = [(panel.html, panel.downloads) for panel in part.panels]
        return NOTHING if part.problems or any(panel.problem for panel in part.panels) else (part.lead, panels)


KINDS = (
    *(Runs, Failures, EmbeddingSets, EmbeddingChunks, Folders, TunedFiles, Models, Networks, Splits, Kept, Reports),
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_flipped_bit_is_found_or_harmless(
    kind: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, record_property: Any
):
    chance = random.Random(kind.__name__)
    whole = tmp_path / "whole"
    whole.mkdir()
    kind.make(whole)
    wanted = kind.read(whole)
    assert wanted is not NOTHING and not caplog.records
    found = 0
    for number in range(FLIPS):
        folder = Path(shutil.copytree(whole, tmp_path / str(number)))
        path = chance.choice(sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size))
        content = bytearray(path.read_bytes())
        bit = chance.randrange(8 * len(content))
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        try:
            value = kind.read(folder)
        except StrokebenchError:
            value = NOTHING
        assert value is NOTHING or value == wanted, f"{path}, bit {bit}"
        found += value is NOTHING
        shutil.rmtree(folder, ignore_errors=True)
    record_property("found", found)
    assert found


@pytest.mark.parametrize("content", [b"", b"PAR1", None])
def test_an_empty_or_cut_run_is_named_and_computed_again(content: bytes | None, home, caplog):
    """Without anything to be deleted by hand; another run's file is left alone."""
    store = Store()
    for key in (KEY, KEY[::-1]):
        store.write(key, pd.DataFrame({"patient_id": ["a"], "y": 1, "p": 0.5}), {})
    path = store.path(KEY)
    path.write_bytes(path.read_bytes()[:-9] if content is None else content)
    store.drop_damaged([KEY, KEY[::-1], "cd" * 32])
    assert [store.status(key) for key in (KEY, KEY[::-1])] == ["missing", "done"]
    [record] = caplog.records
    assert str(path) in record.getMessage() and "made again" in record.getMessage()
