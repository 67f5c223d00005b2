"""The grids of the paper: depth and heads, weights of losses, sizes, dropout."""

from strokebench.benchmarks.experiments.find import experiment
from strokebench.benchmarks.experiments.grid import Grid, GridExperiment
from strokebench.tasks.paper_setup import GRIDS


@experiment
class Figure2(GridExperiment):
    """1 to 3 layers, 4 to 32 heads (section 4.5)."""

    name, order = "figure2", 60
    title = "Figure 2: layers and heads of the joint encoder"
    grid = Grid(GRIDS["figure2"])
    metrics = ("AUC", "ACC", "F1")
    shows = "How three metrics change with the number of attention heads, one line a number of layers."


@experiment
class Figure3(GridExperiment):
    """The paper's upper ends are 0.5 and 0.1 (section 4.5); the other values are ours. Table 3 has the weights of 0."""

    name, order = "figure3", 70
    title = "Figure 3: weights of the contrastive and the semantic alignment loss"
    grid = Grid(GRIDS["figure3"])
    shows = "Every metric for each pair of loss weights, mean and standard deviation over runs printed in the cell."
    does_not_show = "A best pair: cells that differ by less than the ± printed in them are not told apart."


@experiment
class Figure4(GridExperiment):
    """128:64 to 512:512 (section 4.5), and one smaller size of ours."""

    name, order = "figure4", 80
    title = "Figure 4: hidden and output size of the reductions"
    grid = Grid({axis: ("64:32", *values) for axis, values in GRIDS["figure4"].items()}, ours=("64:32",))
    shows = "How each metric changes with the size of the network."


@experiment
class DropoutGrid(GridExperiment):
    """0.3 to 0.7 in steps of 0.1 (section 4.5)."""

    name, order = "dropout", 90
    title = "Dropout in the reductions and the head"
    grid = Grid(GRIDS["dropout"])
    shows = "How each metric changes with the share of units dropped in training."
