"""What a simulation measured, as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from strokebench.benchmarks.measuring.simulation_world import World
from strokebench.reports.tables.table import Cell, Column, Row, Table


def simulation_table(world: World, measured: pd.DataFrame, name: str) -> Table:
    """Coverage and error rates, in percent, with their standard error by the number of cohorts."""
    groups = {
        "auc": "95 % interval of an AUC",
        "difference": "95 % interval of a difference",
        "test": "Test of a difference, p < 0.05",
        "family": "Any false claim among all pairs",
    }
    rejected = "Power" if world.handicap < 1 else "Type-I error"
    columns = [Column("procedure", "Covers procedure"), Column("models", "Covers models"), Column("rejected", rejected)]
    rows = []
    for record in measured.to_dict("records"):
        n = int(record["n"])
        cells = {
            column.key: Cell(float(share), float(np.sqrt(share * (1 - share) / n)))
            for column in columns
            if not np.isnan(share := record[column.key])
        }
        kind = str(record["kind"])
        rows.append(Row(f"{kind}/{record['name']}", str(record["name"]), groups[kind], cells, n, n))
    return Table(
        name=name,
        title=world.title,
        cohort=f"made-up cohorts of {world.patients} patients",
        caption=f"{world.methods} methods, 5-fold cross-validation with {world.seeds} seeds. Percent of cohorts "
        "(standard error). Intervals should cover 95 %; tests of equal methods should reject 5 %.",
        columns=columns,
        rows=rows,
        notes=[
            "Procedure: the expected AUC of models trained on as many patients. Models: the mean true AUC of the "
            "models trained on this cohort.",
        ],
    )
