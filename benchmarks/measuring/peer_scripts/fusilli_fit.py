"""Times fusilli's training as its documentation has it, table, image and text as its three tables.

`prepare_fusion_data` and `train_and_save_models` are called with their own defaults, checkpoints among them; only
Lightning's `Trainer.fit` inside is timed, not reading CSV files, the last validation or the plot of the losses.
`concat_bare` goes round `train_and_save_models`: fusilli's model and data loaders in a bare `Trainer`.
"""

import functools
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 32
RATE = 1e-4


def prepare(folder: Path) -> Callable[..., dict[str, Any]]:
    """What fits fusilli's networks; `concat_same` and `concat_bare` have the layers of our Concat."""
    import logging

    import lightning.pytorch as lightning
    import matplotlib
    from fusilli.data import prepare_fusion_data
    from fusilli.fusionmodels.tabularfusion.concat_feature_maps import ConcatTabularFeatureMaps
    from fusilli.fusionmodels.tabularfusion.crossmodal_att import TabularCrossmodalMultiheadAttention
    from fusilli.train import train_and_save_models
    from lightning.pytorch.callbacks import EarlyStopping

    matplotlib.use("Agg")
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    sources, outputs = _write_tables(folder), _output_folders(folder)
    widths = np.load(folder / "widths.npy").tolist()
    held_out = np.load(folder / "validation.npy")
    timed: dict[str, Any] = {}
    original = lightning.Trainer.fit

    def clocked(trainer: Any, *args: Any, **kwargs: Any) -> None:
        start = time.perf_counter()
        original(trainer, *args, **kwargs)
        timed.update(seconds=time.perf_counter() - start, epochs=trainer.current_epoch)

    lightning.Trainer.fit = clocked

    @functools.cache
    def data(model: Any, fold: int) -> Any:
        return prepare_fusion_data(
            prediction_task="binary",
            fusion_model=model,
            data_paths=sources,
            output_paths=outputs,
            batch_size=BATCH,
            test_indices=held_out[fold].tolist(),
        )

    # Not by fusilli's `kfold=True`: that hands layers that are not its own on from fold to fold, trained as they are.
    def fit(network: str, fold: int, epochs: int) -> dict[str, Any]:
        model = TabularCrossmodalMultiheadAttention if network == "attention" else ConcatTabularFeatureMaps
        module = data(model, fold)
        # Its own patience of 15 epochs would compare fits of different lengths.
        module.own_early_stopping_callback = EarlyStopping("val_loss", patience=epochs + 1)
        layers = None if network in ("concat", "attention") else _our_concat(module.data_dims, *widths)
        if network == "concat_bare":
            trained = _bare(module, model, layers, epochs)
        else:
            [trained] = train_and_save_models(
                data_module=module,
                fusion_model=model,
                max_epochs=epochs,
                layer_mods=layers,
                new_optimiser={"learning rate": RATE},
            )
        return {**timed, "parameters": sum(p.numel() for p in trained.model.parameters())}

    return fit


def _bare(module: Any, model: Any, layers: Any, epochs: int) -> Any:
    """What `train_and_save_models` does, without checkpoints, log, progress bar, early stopping and plot."""
    import lightning.pytorch as lightning
    from fusilli.fusionmodels.base_model import BaseModel
    from fusilli.utils.model_modifier import modify_model_architecture

    network = model(prediction_task="binary", data_dims=module.data_dims, multiclass_dimensions=None)
    wrapped = BaseModel(modify_model_architecture(network, layers), new_optimiser={"learning rate": RATE})
    trainer = lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(wrapped, module.train_dataloader(), module.val_dataloader())
    return wrapped


def _our_concat(sizes: dict[str, Any], hidden: int, width: int) -> dict[str, Any]:
    """The layers of `strokebench.methods.concat` at these sizes, as fusilli takes them."""
    from torch import nn

    # fusilli asks the last layer of each table for its width; the clinical table goes to the head as it is.
    untouched = nn.Identity()
    untouched.out_features = sizes["mod1_dim"]

    def reduction(inputs: int) -> nn.ModuleDict:
        first = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(0.5))
        return nn.ModuleDict({"layer 1": first, "layer 2": nn.Sequential(nn.Linear(hidden, width))})

    layers = {
        "mod1_layers": nn.ModuleDict({"layer 1": nn.Sequential(untouched)}),
        "mod2_layers": reduction(sizes["mod2_dim"]),
        "mod3_layers": reduction(sizes["mod3_dim"]),
        "fused_layers": nn.Sequential(nn.Linear(1, 128), nn.ReLU(), nn.Dropout(0.5)),
    }
    return {"ConcatTabularFeatureMaps": layers}


def _write_tables(folder: Path) -> dict[str, str]:
    """The arrays as the CSV files that fusilli reads."""
    import pandas as pd

    y, sources = np.load(folder / "y.npy"), {"image": ""}
    for number, name in enumerate(("table", "image", "text"), start=1):
        table = pd.DataFrame(np.load(folder / f"{name}.npy")).add_prefix("column_")
        table.insert(0, "ID", np.arange(len(table)))
        table["prediction_label"] = y.astype(int)
        table.to_csv(folder / f"{name}.csv", index=False)
        sources[f"tabular{number}"] = str(folder / f"{name}.csv")
    return sources


def _output_folders(folder: Path) -> dict[str, str]:
    outputs = {name: folder / "fusilli" / name for name in ("checkpoints", "losses", "figures")}
    for path in outputs.values():
        path.mkdir(parents=True, exist_ok=True)
    return {name: str(path) for name, path in outputs.items()}
