"""Defaults are those of the paper or of the method's own description, and tuning varies what the paper varies."""

import optuna
import pytest
from optuna.distributions import FloatDistribution

from strokebench.benchmarks.tuning.space import grid_values, search_distributions
from strokebench.errors import StrokebenchError
from strokebench.methods.conformance.subject import MadeUp
from strokebench.methods.cross_attention import CrossAttention
from strokebench.methods.mlp import MLP
from strokebench.methods.neural import NeuralMethod
from strokebench.methods.registry import all_methods, find_method
from strokebench.methods.vdafm import VDAFM
from strokebench.tasks.paper_setup import CHOSEN, GRIDS, SIZES

TUNED = [name for name, method in all_methods().items() if method.search_space(optuna.create_study().ask())]
NETWORKS = [name for name, method in all_methods().items() if issubclass(method, NeuralMethod)]

PROTOCOL = {
    "learning_rate": 1e-4,
    "batch_size": 32,
    "max_epochs": 100,
    "patience": 30,
    "warmup_epochs": 15,
    "clip_norm": 1.0,
    "noise": 0.01,
    "noise_probability": 0.5,
    "mixup_alpha": 0.4,
    "mixup_probability": 0.5,
}
"""Section 4.2, with our batch."""


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_trained_as_the_paper_trains(name: str):
    defaults = find_method(name)().get_params()
    assert {key: defaults[key] for key in PROTOCOL} == PROTOCOL
    assert {key: defaults[key] for key in ("hidden", "width", "dropout") if key in defaults}.items() <= {
        **SIZES["small"],
        "dropout": CHOSEN["dropout"],
    }.items()


def test_a_support_vector_machine_has_the_usual_penalty_and_width():
    assert (find_method("svm")().C, find_method("svm")().gamma) == (1, "scale")


def test_trees_are_what_their_descriptions_say():
    boosted, forest = (find_method(name)().get_params() for name in ("xgboost", "random_forest"))
    assert find_method("xgboost").notes()["Ours"] == (
        f"at most {boosted['trees']} trees of depth {boosted['depth']}, learning rate {boosted['learning_rate']:g},"
        f" {100 * boosted['subsample']:.0f} % of rows and columns a tree, patience {boosted['patience']}."
    )
    assert find_method("random_forest").notes()["Ours"] == (
        f"{forest['trees']} trees, leaves of at least {forest['leaf']} patients."
    )


def test_the_proposed_method_is_tuned_over_the_paper_s_grids():
    offered = {name: tuple(grid_values(each)) for name, each in search_distributions("vdafm").items()}
    grids = {axis: values for grid in GRIDS.values() for axis, values in grid.items()}
    assert offered.pop("sizes") == grids.pop("hidden:width")
    assert offered == grids


def test_weights_of_losses_are_tuned_alike():
    """A rival's over the values of the proposed method's, so that none has more to choose from."""
    for name in {*TUNED} - {"vdafm"}:
        for parameter, each in search_distributions(name).items():
            if parameter.endswith("_weight"):
                assert tuple(grid_values(each)) == GRIDS["figure3"]["contrastive_weight"], (name, parameter)


@pytest.mark.parametrize("name", TUNED)
def test_dropout_is_tuned_alike_and_a_default_lies_where_tuning_looks(name: str):
    space, defaults = search_distributions(name), find_method(name)().get_params()
    if "dropout" in space:
        assert tuple(grid_values(space["dropout"])) == GRIDS["dropout"]["dropout"]
    for parameter in space.keys() & defaults.keys():
        if (values := grid_values(space[parameter])) is not None:
            assert defaults[parameter] in values and len({*values}) == len(values)
        elif not isinstance(defaults[parameter], str):
            assert space[parameter].low <= defaults[parameter] <= space[parameter].high
    shares = [key for key in ("dropout", "subsample") if isinstance(space.get(key), FloatDistribution)]
    assert all(space[key].low > 0 and space[key].high <= 1 for key in shares)


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (VDAFM(semantic_loss="cos"), "semantic_loss='cos' is unknown"),
        (VDAFM(output="gelu"), "output='gelu' is unknown"),
        (VDAFM(heads=12), "12 heads do not divide a width of 64"),
        (CrossAttention(heads=12), "12 heads do not divide a width of 64"),
        (MLP(inputs="all"), "inputs='all' is unknown"),
    ],
)
def test_a_choice_that_there_is_not_is_named_before_training(method, said):
    made = MadeUp(40, 1)
    with pytest.raises(StrokebenchError, match=said):
        method.fit(made.x, made.y, made.x, made.y)
