"""Figure 3 of the paper: the weights of the two alignment losses."""

from strokebench.benchmarks.experiment import experiment
from strokebench.benchmarks.grid import Grid, GridExperiment


@experiment
class Figure3(GridExperiment):
    """The paper's upper ends are 0.5 and 0.1 (section 4.5); the other values are ours. Table 3 has the weights of 0."""

    name = "figure3"
    title = "Figure 3: weights of the contrastive and the semantic alignment loss"
    grid = Grid({"contrastive_weight": (0.05, 0.1, 0.2, 0.5), "alignment_weight": (0.01, 0.02, 0.05, 0.1)})
    metrics = ("AUC", "ACC", "F1", "Recall", "Precision", "Specificity")
    shows = "Six metrics for each pair of loss weights, mean and standard deviation over runs printed in the cell."
    does_not_show = "A best pair: cells that differ by less than the ± printed in them are not told apart."
