"""All networks of Table 1 have one size; where a table is around the paper's setting, the paper's."""

import pytest
from small_context import make_context

from strokebench.benchmarks.experiments.find import all_experiments
from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.running.plans import method_runs, size_params
from strokebench.benchmarks.running.provenance import provenance_of
from strokebench.methods.neural import NeuralMethod
from strokebench.methods.registry import all_methods
from strokebench.reports.results import variant_id
from strokebench.reports.tables.caption import sizes_in_words
from strokebench.tasks.inputs import made_up_sizes
from strokebench.tasks.paper_setup import SIZES

NETWORKS = [name for name, cls in all_methods().items() if issubclass(cls, NeuralMethod) and cls.paper_row]


def size_of(method: str, sizes: str) -> dict[str, int]:
    """Of the network that is trained in a run."""
    (run, *_) = method_runs(method, make_context(sizes=sizes))
    params = all_methods()[method](**run.params).get_params()
    return {"hidden": params["hidden"], "width": params["width"]}


def test_the_paper_has_nine_networks():
    assert len(NETWORKS) == 9


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("method", NETWORKS)
def test_every_network_has_the_size_that_was_chosen(method, sizes):
    assert size_of(method, sizes) == SIZES[sizes]


@pytest.mark.parametrize("method", NETWORKS)
def test_the_size_is_no_mere_word(method):
    def parameters(**params: int) -> int:
        module = all_methods()[method](**params).build(made_up_sizes(columns=20))
        return sum(weights.numel() for weights in module.parameters())

    assert parameters(**SIZES["paper"]) > 2 * parameters(**SIZES["small"])


def test_methods_that_are_no_networks_have_no_such_size():
    assert size_params("svm", "paper") == size_params("random_forest", "paper") == {}


def test_table_1_has_the_proposal_at_both_sizes_and_all_others_at_one():
    runs = Table1().plan(make_context()).runs
    assert {run.variant for run in runs if run.method != "vdafm"} == {""}
    variants = {run.variant: run.params for run in runs if run.method == "vdafm"}
    assert set(variants) == {"", variant_id(SIZES["paper"])}
    assert variants[variant_id(SIZES["paper"])] == SIZES["paper"]


def test_at_the_paper_s_sizes_there_is_nothing_to_add():
    runs = Table1().plan(make_context(sizes="paper")).runs
    assert {run.variant for run in runs} == {""}


def test_the_paper_s_studies_of_sensitivity_stay_around_its_setting():
    fixed = {name for name, each in all_experiments().items() if each.sizes == "paper"}
    assert fixed == {"table3", "figure2", "figure3", "figure4", "dropout", "alignment", "paper"}


def test_folder_provenance_and_caption_name_the_size():
    small, paper = (make_context(sizes=sizes) for sizes in SIZES)
    assert small.results_folder("table1") != paper.results_folder("table1")
    assert provenance_of(paper)["sizes"] == "paper"
    assert "512 hidden units" in sizes_in_words("paper") and "128 hidden units" in sizes_in_words("small")
