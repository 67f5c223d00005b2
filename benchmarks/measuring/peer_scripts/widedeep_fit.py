"""Times pytorch-widedeep's `Trainer.fit` with arrays and a validation part, as its documentation has it.

No messages, no metrics besides the loss, no checkpoints, and data loaded in the process itself, which is faster
than its default of a worker process a core.
"""

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 32
RATE = 1e-4


def prepare(folder: Path) -> Callable[..., dict[str, Any]]:
    """What fits: `tabmlp` reads all columns side by side; `concat_same` has the layers of our Concat."""
    import torch

    _import_torchvision()
    from pytorch_widedeep import Trainer

    warnings.simplefilter("ignore")
    table, image, text = (np.load(folder / f"{name}.npy") for name in ("table", "image", "text"))
    y, folds_of = np.load(folder / "y.npy"), np.load(folder / "validation.npy")
    columns = np.concatenate([table, image, text], axis=1)
    widths = np.load(folder / "widths.npy").tolist()
    builders = {
        "tabmlp": lambda: _tabmlp(columns.shape[1], *widths),
        "concat_same": lambda: _our_concat(table.shape[1], image.shape[1], text.shape[1], *widths),
    }

    def inputs(network: str, rows: np.ndarray) -> dict[str, Any]:
        """Of the patients that `rows` (n,) marks."""
        if network == "tabmlp":
            return {"X_tab": columns[rows], "target": y[rows]}
        return {"X_tab": table[rows], "X_text": [image[rows], text[rows]], "target": y[rows]}

    def fit(network: str, fold: int, epochs: int) -> dict[str, Any]:
        held_out = np.isin(np.arange(len(y)), folds_of[fold])
        train, validation = inputs(network, ~held_out), inputs(network, held_out)
        model = builders[network]()
        optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
        trainer = Trainer(
            model, objective="binary", optimizers=optimiser, verbose=0, num_workers=0, device="cpu", seed=0
        )
        start = time.perf_counter()
        trainer.fit(X_train=train, X_val=validation, n_epochs=epochs, batch_size=BATCH)
        seconds = time.perf_counter() - start
        parameters = sum(p.numel() for p in model.parameters())
        return {"seconds": seconds, "epochs": len(trainer.history["val_loss"]), "parameters": parameters}

    return fit


def _import_torchvision() -> None:
    """Import torchvision, which pytorch-widedeep imports for images and no fit here calls.

    The package index has it compiled for CUDA only. Beside a CPU build of PyTorch its operators are missing, and
    it fails where it describes two of them; these are declared then, without code.
    """
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for operator in ("nms", "qnms"):
            torch.library.define(
                f"torchvision::{operator}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            )
        for module in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[module]


def _tabmlp(columns: int, hidden: int, width: int) -> Any:
    """Their network for continuous columns, hidden layers as wide as our Concat's."""
    from pytorch_widedeep.models import TabMlp, WideDeep

    names = [f"column_{number}" for number in range(columns)]
    mlp = TabMlp(
        column_idx={name: number for number, name in enumerate(names)},
        continuous_cols=names,
        mlp_hidden_dims=[hidden, width],
        mlp_dropout=0.5,
    )
    return WideDeep(deeptabular=mlp)


def _our_concat(table: int, image: int, text: int, hidden: int, width: int) -> Any:
    """The layers of `strokebench.methods.concat` at these sizes as components, which need an attribute `output_dim`."""
    from pytorch_widedeep.models import WideDeep
    from torch import nn

    def with_width(module: nn.Module, outputs: int) -> nn.Module:
        module.__dict__["output_dim"] = outputs
        return module

    def reduction(inputs: int) -> nn.Module:
        layers = nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(0.5), nn.Linear(hidden, width)
        return with_width(nn.Sequential(*layers), width)

    head = with_width(nn.Sequential(nn.Linear(table + 2 * width, 128), nn.ReLU(), nn.Dropout(0.5)), 128)
    return WideDeep(
        deeptabular=with_width(nn.Identity(), table), deeptext=[reduction(image), reduction(text)], deephead=head
    )
