"""Times MulTaBench's recipe by its own classes: 30 principal components of each column of images or texts, beside the
table, under CatBoost or XGBoost with early stopping.

Embeddings go in where it reads its own from its cache. `fit` is timed as a whole: components of both columns, and the
model. `xgboost_same` has our number of components and our settings of XGBoost.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

OURS = {
    **{"n_estimators": 500, "max_depth": 3, "learning_rate": 0.05, "subsample": 0.8, "colsample_bytree": 0.8},
    **{"eval_metric": "auc", "early_stopping_rounds": 30, "tree_method": "hist"},
}
"""Of `strokebench.methods.xgboost`."""
COMPONENTS = 8
"""Of `strokebench.methods.reference.on_all`."""


def prepare(folder: Path) -> Callable[..., dict[str, Any]]:
    """What fits `catboost`, `xgboost` and `xgboost_same`."""
    import pandas as pd
    import torch
    from multabench.baselines import abstract_model
    from multabench.baselines.catboost import CatBoost
    from multabench.baselines.preprocessing import column_encoders
    from multabench.baselines.xgboost import XGBoost
    from multabench.datasets.all_datasets import MulTaBenchDatasetID
    from multabench.datasets.objects import SupervisedTask
    from multabench.e5.constants import TextEncoder
    from multabench.embeddings.hub import CachedEmbeddings, e5_passages

    table = pd.DataFrame(np.load(folder / "table.npy")).add_prefix("column_")
    names = [f"patient {row}" for row in range(len(table))]
    x, y = table.assign(image=names, text=names), pd.Series(np.load(folder / "y.npy").astype(int))
    folds_of, usual = np.load(folder / "validation.npy"), column_encoders.PCA_COMPONENTS
    # As its cache keeps them: one embedding an input, found by the input itself.
    image = CachedEmbeddings(names, np.load(folder / "image.npy"), {"features": ["image"]})
    text = CachedEmbeddings(e5_passages("text", names), np.load(folder / "text.npy"), {"features": ["text"]})
    column_encoders.cached_embeddings = lambda encoder, *_, **__: text if isinstance(encoder, TextEncoder) else image

    def fit(network: str, fold: int, epochs: int) -> dict[str, Any]:
        held_out = x.index.isin(folds_of[fold])
        # Its own split would draw a tenth of the patients to stop on.
        abstract_model.split_to_val = lambda x, y, **_: (x[~held_out], x[held_out], y[~held_out], y[held_out])
        model = (CatBoost if network == "catboost" else XGBoost)(
            problem_type=SupervisedTask.BINARY,
            device=torch.device("cpu"),
            dataset=next(iter(MulTaBenchDatasetID)),
            image_folder="",
            image_column="image",
        )
        # As many as the program is given; they take all cores by themselves.
        threads = {"thread_count" if network == "catboost" else "nthread": torch.get_num_threads()}
        model.model_.set_params(**threads, **(OURS if network == "xgboost_same" else {}))
        column_encoders.PCA_COMPONENTS = COMPONENTS if network == "xgboost_same" else usual
        start = time.perf_counter()
        model.fit(x, y)
        return {"seconds": time.perf_counter() - start, "epochs": epochs, "parameters": None}

    return fit
