"""What the training loop asks of a method."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from strokebench.methods.base import Method
from strokebench.methods.training.batch import Aux, Batch, Epoch
from strokebench.tasks.inputs import Sizes


@dataclass(kw_only=True, eq=False, repr=False)
class Trainable(Method):
    """A network, its loss, and hooks into the training protocol of the paper, section 4.2, with its numbers.

    Args:
        learning_rate: peak of the schedule (paper: 1e-4).
        batch_size: the paper gives none; 32 is our choice.
        max_epochs, patience, warmup_epochs: paper, section 4.2.
        clip_norm: largest gradient norm (paper: 1.0).
        noise, noise_probability: Gaussian noise on the inputs, drawn a batch (paper: 0.01, 0.5).
        mixup_alpha, mixup_probability: MixUp with Beta(alpha, alpha), drawn a batch (paper: 0.4, 0.5).
    """

    learning_rate: float = 1e-4
    batch_size: int = 32
    max_epochs: int = 100
    patience: int = 30
    warmup_epochs: int = 15
    clip_norm: float = 1.0
    noise: float = 0.01
    noise_probability: float = 0.5
    mixup_alpha: float = 0.4
    mixup_probability: float = 0.5

    @abstractmethod
    def build(self, sizes: Sizes) -> nn.Module:
        """The network: called with a `Batch`, it gives a dict for `loss` and the logits, (b,) where
        `endpoint.outputs` is 1, else (b, outputs).

        Args:
            sizes: shape of a patient's row of each array, e.g. `{"image.vector": (512,), "text": (5, 4, 384)}`; of the
                answers to several prompts a batch has one.
        """

    def loss(self, logit: Tensor, target: Tensor, aux: Aux, epoch: Epoch) -> Tensor:
        """What is minimised, of logits (b,) or (b, outputs). Default: the endpoint's loss.

        `target` is of `endpoint.targets`, and may be a mixture.

        Like the network's forward pass it depends on its arguments and the network's state alone, for on a GPU a step
        is recorded once and then replayed.
        """
        return self.endpoint.loss(logit, target)

    def acts_before(self, epoch: int) -> bool:
        """Whether `before_epoch` is to be called before this epoch."""
        return type(self).before_epoch is not Trainable.before_epoch

    def before_epoch(self, module: nn.Module, epoch: int, batches: Iterator[Batch]) -> None:
        """Called before each epoch with the training part, clean and in order, for what is not a gradient."""

    def may_select(self, epoch: int) -> bool:
        """Whether the state after this epoch may become the method's; and whether patience counts it."""
        return True

    def after_training(self, module: nn.Module, batches: Iterator[Batch]) -> dict[str, float]:
        """Called with the best epoch's network and the training part, clean and in order: more numbers for `facts_`."""
        return {}
