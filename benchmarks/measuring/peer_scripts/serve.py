"""`python serve.py MODULE FOLDER [--one-thread]`: answers orders to fit, a line of JSON each, until its input ends.

The module beside this file has `prepare(folder) -> fit`; `fit(network, fold, epochs)` returns the seconds that the fit
alone took, the epochs it was run for, and the number of parameters, or None. Its `fit_together(fit, network, folds,
epochs)`, where it has one, fits several folds at once; otherwise they are fitted one after the other and their seconds
added.
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path


def main(name: str, folder: str, *options: str) -> None:
    """Serve until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What libraries print must not mix with the answers.
    os.dup2(2, 1)
    import torch

    if "--one-thread" in options:
        torch.set_num_threads(1)
        torch.set_num_interop_threads(1)
    # Not there by itself under PYTHONSAFEPATH.
    sys.path.insert(0, str(Path(__file__).parent))
    module = importlib.import_module(name)
    fit = module.prepare(Path(folder))

    def answer(value: dict) -> None:
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    answer({"python": sys.version.split()[0], "torch": torch.__version__, "threads": torch.get_num_threads()})
    for line in sys.stdin:
        network, folds, epochs, threads = json.loads(line)
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        if len(folds) > 1 and hasattr(module, "fit_together"):
            start = time.perf_counter()
            fits = module.fit_together(fit, network, folds, epochs)
            seconds = time.perf_counter() - start
        else:
            fits = [fit(network, fold, epochs) for fold in folds]
            seconds = sum(each["seconds"] for each in fits)
        epochs_run = [each["epochs"] for each in fits]
        answer({"seconds": seconds, "epochs": epochs_run, "parameters": fits[0]["parameters"]})


if __name__ == "__main__":
    main(*sys.argv[1:])
