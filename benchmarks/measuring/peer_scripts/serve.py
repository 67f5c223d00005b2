"""`python serve.py MODULE FOLDER [--one-thread]`: answers orders to fit, a line of JSON each, until its input ends.

The module beside this file has `prepare(folder) -> fit`. `fit(network, folds, epochs)` fits each of the folds, all
at once where the program can, and returns the seconds that the fits alone took together, the number of epochs that
each was run for, and the number of parameters of one network.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path


def main(module: str, folder: str, *options: str) -> None:
    """Serve until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What libraries print must not mix with the answers.
    os.dup2(2, 1)
    import torch

    if "--one-thread" in options:
        torch.set_num_threads(1)
        torch.set_num_interop_threads(1)
    fit = importlib.import_module(module).prepare(Path(folder))

    def answer(value: dict) -> None:
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    answer({"python": sys.version.split()[0], "torch": torch.__version__, "threads": torch.get_num_threads()})
    for line in sys.stdin:
        order = json.loads(line)
        torch.set_num_threads(order.pop("threads"))
        torch.manual_seed(0)
        answer(fit(**order))


if __name__ == "__main__":
    main(*sys.argv[1:])
