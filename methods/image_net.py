"""A deep network on the pooled image vector."""

from dataclasses import dataclass

from strokebench.methods.parts.plain import PlainMethod
from strokebench.methods.registry import register


@register
@dataclass(kw_only=True, eq=False, repr=False)
class ImageNet(PlainMethod):
    """A deep network on the pooled image vector alone.

    Source: the paper's "ImageNet" row; no reference is given, and the data set of that name is not meant.

    Ours: the layers of TableNet.

    Args:
        hidden, width, dropout: see `PlainMethod`.
    """

    name = "image_net"
    label = "ImageNet"
    paper_row = 6
    reads = ("image.vector",)
