"""The residual encoder of nnU-Net, in the names of the package dynamic-network-architectures (Apache-2.0)."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn


def residual_encoder(planes: Sequence[int], blocks: Sequence[int]) -> nn.Module:
    """Volumes (b, 1, x, y, z) to the last map (b, d, x / 2^(s - 1), ...) of s stages, all but the first of stride 2."""
    stages, inputs = [], planes[0]
    for number, (outputs, count) in enumerate(zip(planes, blocks, strict=True)):
        first = Residual(inputs, outputs, 1 if number == 0 else 2)
        rest = (Residual(outputs, outputs) for _ in range(count - 1))
        stages.append(nn.Sequential(OrderedDict(blocks=nn.Sequential(first, *rest))))
        inputs = outputs
    stem = nn.Sequential(OrderedDict(convs=nn.Sequential(layer(1, planes[0], active=True))))
    encoder = nn.Sequential(OrderedDict(stem=stem, stages=nn.Sequential(*stages)))
    return nn.Sequential(OrderedDict(encoder=encoder))


def layer(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, bias: bool = True, active: bool = False
) -> nn.Module:
    """Convolution, instance normalisation, and by choice the activation."""
    parts: dict[str, nn.Module] = {
        "conv": nn.Conv3d(inputs, outputs, kernel, stride, kernel // 2, bias=bias),
        "norm": nn.InstanceNorm3d(outputs, affine=True),
    }
    return nn.Sequential(OrderedDict(parts | ({"nonlin": nn.LeakyReLU()} if active else {})))


class Residual(nn.Module):
    """Two layers beside a skip that averages where they stride, and projects where channels differ (ResNet-D)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = layer(inputs, outputs, stride=stride, active=True)
        self.conv2 = layer(outputs, outputs)
        self.nonlin2 = nn.LeakyReLU()
        average = [nn.AvgPool3d(stride)] if stride > 1 else []
        project = [layer(inputs, outputs, kernel=1, bias=False)] if inputs != outputs else []
        self.skip = nn.Sequential(*average, *project)

    def forward(self, x: Tensor) -> Tensor:
        """(b, inputs, x, y, z) to (b, outputs, x / stride, ...)."""
        return self.nonlin2(self.conv2(self.conv1(x)) + self.skip(x))
