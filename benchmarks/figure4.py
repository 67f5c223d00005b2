"""Figure 4 of the paper: the sizes of the reductions."""

from strokebench.benchmarks.experiment import experiment
from strokebench.benchmarks.grid import Grid, GridExperiment


@experiment
class Figure4(GridExperiment):
    """128:64 to 512:512 (section 4.5)."""

    name = "figure4"
    title = "Figure 4: hidden and output size of the reductions"
    grid = Grid({"hidden:width": ("128:64", "256:128", "512:256", "512:512")})
    metrics = ("AUC", "ACC", "F1", "Recall", "Precision", "Specificity")
    shows = "How six metrics change with the size of the network."
