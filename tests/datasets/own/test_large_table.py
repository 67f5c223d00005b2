"""A table of a large trial is checked while one waits for it."""

import time

import numpy as np
import pandas as pd

from strokebench.datasets.own.cohort_file import read_cohort_file
from strokebench.datasets.own.table_check import examine_table

PATIENTS, COLUMNS, SECONDS = 2000, 112, 10
"""A tenth of IST's 19,435 patients, and the processor time that the whole may take."""


def test_the_check_of_a_large_table_takes_seconds(tmp_path):
    rng = np.random.default_rng(0)
    kinds = (
        lambda: rng.lognormal(2, 0.4, PATIENTS).round(2),
        lambda: rng.integers(40, 240, PATIENTS),
        lambda: rng.choice(["Y", "N", "U", ""], PATIENTS),
        lambda: rng.integers(0, 7, PATIENTS),
    )
    columns = {f"x{i}": kinds[i % len(kinds)]() for i in range(COLUMNS - 2)}
    table = pd.DataFrame({"id": [f"P{i:05d}" for i in range(PATIENTS)], "mrs": rng.integers(0, 7, PATIENTS), **columns})
    table.to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "c.yaml").write_text("table: t.csv\nid: id\noutcome: mrs > 2\n")
    start = time.process_time()
    examined = examine_table(read_cohort_file(tmp_path / "c.yaml"))
    assert time.process_time() - start < SECONDS * PATIENTS / 19435 * 3
    assert examined.table.shape == (PATIENTS, COLUMNS - 1) and examined.problems == []
