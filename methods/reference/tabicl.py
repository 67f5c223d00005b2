"""TabICL on the table beside components of image and text."""

from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from strokebench.datasets.encoders.weights import Published, keep_weights
from strokebench.methods.base import Trial
from strokebench.methods.reference.on_all import OnAll
from strokebench.methods.registry import register

CHECKPOINT = Published(
    "jingang/TabICL",
    "tabicl-classifier-v2-20260212.ckpt",
    "110 MB",
    "4dcd344ece2c00be9e831fdd35bed57b5ad83e19",
    "bdc7dbd5e4ff21f8f0456fcf90c6b7cdf72dbea960f2d05b19bec19f9b3d4ed0",
)
"""The classifier of version 2, BSD-3."""


@register
@dataclass(kw_only=True, eq=False, repr=False)
class TabICL(OnAll):
    """A transformer trained on made-up tables, which reads the training part beside each patient (TabICL v2).

    Source: Qu et al., ICML 2025 (arXiv 2502.05564) and 2026 (arXiv 2602.11139); the settings that tabicl 2.2 has by
    itself.

    Ours: 8 components each, one thread of the CPU. Nothing is fitted but the scaling of columns, the validation part
    chooses nothing, and ordered grades are taken as classes without an order.
    """

    name = "tabicl"
    label = "TabICL, all"
    library = "tabicl"
    published = (CHECKPOINT,)
    never_saved = "it learns in context, and a saved model would hold the training patients"
    takes_grades: ClassVar[bool] = True

    views: int = 8

    def fit_estimator(self, x: NDArray, y: NDArray, x_validation: NDArray, y_validation: NDArray) -> Any:
        import torch
        from tabicl import TabICLClassifier

        model = TabICLClassifier(
            n_estimators=self.views,
            model_path=keep_weights(CHECKPOINT),
            allow_auto_download=False,
            device="cpu",
            n_jobs=1,
            random_state=self.random_state,
        )
        # Layers are drawn from the global generator before their weights are read.
        with torch.random.fork_rng(devices=[]):
            return model.fit(x, y)

    @staticmethod
    def search_space(trial: Trial) -> dict[str, Any]:
        return {"views": trial.suggest_categorical("views", [4, 8, 16])}
