"""What the image encoders share: running a MONAI ResNet up to its last feature map."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai.networks.nets.resnet import ResNet
from numpy.typing import NDArray

from strokebench.datasets.encoders.contract import GRID


def new_resnet(block: str, layers: Sequence[int], planes: Sequence[int], first_kernel: int = 7) -> ResNet:
    """A MONAI ResNet for volumes of one channel, without its head: shortcut B, without bias.

    Args:
        block: `basic` or `bottleneck`.
        layers, planes: blocks and inner channels of the four stages.
        first_kernel: edge of the first convolution in voxels.
    """
    # MONAI initialises from the global generator, which is not ours to advance.
    with torch.random.fork_rng(devices=[]):
        return ResNet(
            block,
            list(layers),
            list(planes),
            n_input_channels=1,
            conv1_t_size=first_kernel,
            feed_forward=False,
            shortcut_type="B",
            bias_downsample=False,
        )


def feature_map(network: Any, volumes: torch.Tensor) -> torch.Tensor:
    """Last feature map (b, d, x, y, z) of a `monai.networks.nets.ResNet` without its pooling and head."""
    features = network.act(network.bn1(network.conv1(volumes)))
    if not network.no_max_pool:
        features = network.maxpool(features)
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        features = stage(features)
    return features


def pool(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean over space (b, d), and the mean over depth and the cells of an in-plane grid (b, 16, d)."""
    # The CPU has no adaptive pooling in half precision; the mean of it would be coarse anyway.
    features = features.float()
    cells = torch.nn.functional.adaptive_avg_pool3d(features, (GRID, GRID, 1))
    return features.mean((2, 3, 4)), cells.flatten(2).transpose(1, 2)


def run(
    network: torch.nn.Module, volumes: NDArray[np.float32], device: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pooled vectors and tokens of (b, x, y, z) volumes, as `ImageEncoder.encode` promises them."""
    network.to(device)
    with torch.inference_mode(), torch.autocast(device, enabled=device != "cpu"):
        parts = pool(feature_map(network, torch.from_numpy(volumes)[:, None].to(device)))
    pooled, tokens = (part.cpu().contiguous().numpy() for part in parts)
    return pooled, tokens
