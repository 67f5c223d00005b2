"""The sizes of made-up patients on which time and memory are measured."""

from dataclasses import dataclass

import numpy as np

from strokebench.tasks.inputs import Inputs


@dataclass(frozen=True)
class CohortSizes:
    """The paper's cohort with the embedded encoders: 466 training patients become 636 by oversampling.

    Args:
        columns: of the table; a cohort has those of the virtual one at least.
    """

    train: int = 636
    validation: int = 117
    columns: int = 40
    image: int = 512
    grid: int = 16
    prompts: int = 5
    layers: int = 4
    text: int = 384

    @property
    def embeddings(self) -> dict[str, tuple[int, ...]]:
        """Shape of one patient's row in each array of embeddings."""
        return {
            "image.vector": (self.image,),
            "image.tokens": (self.grid, self.image),
            "text": (self.prompts, self.layers, self.text),
        }

    @property
    def bytes_per_patient(self) -> int:
        """Of the embeddings on disk."""
        return sum(4 * int(np.prod(shape)) for shape in self.embeddings.values())

    def patients(self, n: int, seed: int) -> Inputs:
        """Made-up standardised patients."""
        random = np.random.default_rng(seed)
        shapes = {**self.embeddings, "table": (self.columns,)}
        arrays = {name: random.standard_normal((n, *shape), dtype=np.float32) for name, shape in shapes.items()}
        return Inputs.complete(arrays)


USUAL = CohortSizes()
