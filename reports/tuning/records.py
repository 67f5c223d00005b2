"""A trial as reports know it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TrialRecord:
    """One finished trial.

    Args:
        number: in the study. state: `complete`, `pruned` or `fail`.
        value: mean validation AUC, or c of grades, over its folds, in [0, 1]; None where it failed.
        values: what the sampler drew, by parameter of the search space; empty for a default outside it.
        settings: the hyper-parameters made of them.
        folds: the same of the folds that it finished; None where undefined.
        default: these are the method's defaults.
    """

    number: int
    state: str
    value: float | None
    values: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    folds: Sequence[float | None] = ()
    default: bool = False

    @property
    def complete(self) -> bool:
        """All folds are done."""
        return self.state == "complete" and self.value is not None

    @property
    def label(self) -> str:
        """Its settings, or that it is the default."""
        settings = params_in_words(self.settings)
        return f"default ({settings})" if self.default and settings else "default" if self.default else settings


def params_in_words(params: Mapping[str, Any]) -> str:
    """Hyper-parameters for people, numbers with four digits.

    >>> params_in_words({"heads": 8, "dropout": 0.6000000000000001})
    'heads=8, dropout=0.6'
    """
    shown = {name: f"{value:.4g}" if isinstance(value, float) else value for name, value in params.items()}
    return ", ".join(f"{name}={value}" for name, value in shown.items())
