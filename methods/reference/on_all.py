"""What the rows share that are given all that the networks are given."""

from dataclasses import dataclass
from typing import ClassVar

from strokebench.methods.base import Family
from strokebench.methods.parts.estimators import ALL, Traditional


@dataclass(kw_only=True, eq=False, repr=False)
class OnAll(Traditional):
    """A conventional method on the table beside 8 components each of image and text, their number fixed beforehand."""

    family: ClassVar[Family] = Family.REFERENCE
    paper_row: ClassVar[int | None] = None
    reads: ClassVar[tuple[str, ...]] = ALL
    components: ClassVar[int] = 8

    inputs: str = "all"
