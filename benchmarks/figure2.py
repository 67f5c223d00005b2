"""Figure 2 of the paper: depth and heads of the joint encoder."""

from strokebench.benchmarks.experiment import experiment
from strokebench.benchmarks.grid import Grid, GridExperiment


@experiment
class Figure2(GridExperiment):
    """1 to 3 layers, 4 to 32 heads (section 4.5)."""

    name = "figure2"
    title = "Figure 2: layers and heads of the joint encoder"
    grid = Grid({"layers": (1, 2, 3), "heads": (4, 8, 16, 32)})
    metrics = ("AUC", "ACC", "F1")
    shows = "How three metrics change with the number of attention heads, one line a number of layers."
