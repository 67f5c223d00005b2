"""A quick check: a shorter schedule of the same shape, for networks alone."""

from strokebench.benchmarks.running.plans import quick_params
from strokebench.methods.training.protocol import learning_rate


def test_a_quick_network_is_trained_as_far_as_the_shorter_schedule_allows():
    quick = quick_params("vdafm")
    total = [
        sum(learning_rate(epoch, peak, warmup, epochs) for epoch in range(epochs))
        for peak, warmup, epochs in (
            (1e-4, 15, 100),
            (quick["learning_rate"], quick["warmup_epochs"], quick["max_epochs"]),
        )
    ]
    assert 0.5 < total[1] / total[0] < 1.5


def test_what_is_not_trained_by_epochs_keeps_its_own():
    assert quick_params("xgboost") == {}, "its learning rate is that of trees"
