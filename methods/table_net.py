"""A deep network on the table."""

from dataclasses import dataclass

from strokebench.methods.parts.plain import PlainMethod
from strokebench.methods.registry import register


@register
@dataclass(kw_only=True, eq=False, repr=False)
class TableNet(PlainMethod):
    """A deep network on the table.

    Source: the paper's "TableNet" row, for which it cites nothing; public code uses such names for the
    table branch of a multimodal network, and so do we.

    Ours: two layers of the size of all networks here, with batch normalisation, then their classifier.

    Args:
        hidden, width, dropout: see `PlainMethod`.
    """

    name = "table_net"
    label = "TableNet"
    paper_row = 5
    reads = ("table",)
