"""How much dropout? The paper searched 0.3 to 0.7."""

from strokebench.benchmarks.experiment import experiment
from strokebench.benchmarks.grid import Grid, GridExperiment


@experiment
class Dropout(GridExperiment):
    """0.3 to 0.7 in steps of 0.1 (section 4.5)."""

    name = "dropout"
    title = "Dropout in the reductions and the head"
    grid = Grid({"dropout": (0.3, 0.4, 0.5, 0.6, 0.7)})
    metrics = ("AUC", "ACC", "F1", "Recall", "Precision", "Specificity")
    shows = "How six metrics change with the share of units dropped in training."
