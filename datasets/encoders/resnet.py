"""What the encoders of whole volumes share: running a MONAI ResNet up to its last feature map."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils.fusion import fuse_conv_bn_eval

from strokebench.datasets.encoders.contract import GRID
from strokebench.datasets.encoders.weights import load_state
from strokebench.datasets.images.light_monai import nets
from strokebench.errors import StrokebenchError


def new_resnet(block: str, layers: Sequence[int], planes: Sequence[int], first_kernel: int = 7) -> nets.ResNet:
    """A MONAI ResNet for volumes of one channel, without its head: shortcut B, without bias.

    Args:
        block: `basic` or `bottleneck`.
        layers, planes: blocks and inner channels of the four stages.
        first_kernel: edge of the first convolution in voxels.
    """
    # MONAI initialises from the global generator, which is not ours to advance.
    with torch.random.fork_rng(devices=[]):
        return nets.ResNet(
            block,
            list(layers),
            list(planes),
            n_input_channels=1,
            conv1_t_size=first_kernel,
            feed_forward=False,
            shortcut_type="B",
            bias_downsample=False,
        )


def stage_maps(network: Any, volumes: torch.Tensor) -> list[torch.Tensor]:
    """The map (b, c, x, y, z) after each stage of a `monai.networks.nets.ResNet`, volumes (b, 1, x, y, z)."""
    # Shortcut A is a function, of operations that oneDNN lacks.
    modules_alone = isinstance(network.layer2[0].downsample, torch.nn.Module)
    if volumes.device.type == "cpu" and modules_alone and torch.backends.mkldnn.is_available():
        network, volumes = _for_cpu(network), volumes.to_mkldnn()
    features = network.act(network.bn1(network.conv1(volumes)))
    if not network.no_max_pool:
        features = network.maxpool(features)
    maps = []
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        maps.append(features := stage(features))
    return [features.to_dense() for features in maps]


@lru_cache(maxsize=1)
def _for_cpu(network: torch.nn.Module) -> Any:
    """A network in oneDNN's layout, each batch normalisation in the convolution before it: half the time.

    PyTorch takes oneDNN for a volume alone on one thread only if it is asked to.
    """
    network = deepcopy(network)
    for part in list(network.modules()):
        for (first, convolution), (second, norm) in pairwise(list(part.named_children())):
            if isinstance(convolution, torch.nn.Conv3d) and isinstance(norm, torch.nn.BatchNorm3d):
                folded = fuse_conv_bn_eval(convolution, norm)
                for name, values in folded.named_parameters():
                    setattr(folded, name, torch.nn.Parameter(values.detach().to_mkldnn(), requires_grad=False))
                setattr(part, first, folded)
                setattr(part, second, torch.nn.Identity())
    return network


def pool(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean over space (b, d), and the mean over depth and the cells of an in-plane grid (b, 16, d)."""
    # The CPU has no adaptive pooling in half precision; the mean of it would be coarse anyway.
    features = features.float()
    cells = torch.nn.functional.adaptive_avg_pool3d(features, (GRID, GRID, 1))
    return features.mean((2, 3, 4)), cells.flatten(2).transpose(1, 2)


def statistics(maps: Sequence[torch.Tensor]) -> torch.Tensor:
    """Mean, deviation and largest value over space of each channel of each map, side by side: (b, 3 * channels)."""
    parts = []
    for features in maps:
        flat = features.float().flatten(2)
        parts += [flat.mean(2), flat.std(2, unbiased=False), flat.amax(2)]
    return torch.cat(parts, 1)


def run(
    network: torch.nn.Module,
    volumes: NDArray[np.float32],
    device: str,
    parts: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors and tokens of (b, x, y, z) volumes, as `ImageEncoder.encode` promises them.

    Args:
        parts: from volumes (b, 1, x, y, z) to both.
    """
    network.to(device)
    with torch.inference_mode(), torch.autocast(device, enabled=device != "cpu"):
        found = parts(torch.from_numpy(volumes)[:, None].to(device))
    vectors, tokens = (part.cpu().contiguous().numpy() for part in found)
    return vectors, tokens


def load_body(
    network: torch.nn.Module,
    path: Path,
    called: str,
    source: str,
    renamed: Callable[[str], str | None] = lambda name: name,
) -> None:
    """Load a file's tensors; those of parts that the network has none of (heads) are left.

    Args:
        called: the network, and `source` where the right file is from, for errors.
        renamed: what a tensor of the file is called in the network, None where it is to be left.

    Raises:
        StrokebenchError: a tensor of the network is missing, of another size, or one of its parts has more.
    """
    parts = {name.partition(".")[0] for name in network.state_dict()}
    named = {renamed(name): value for name, value in load_state(path).items()}
    state = {name: value for name, value in named.items() if name and name.partition(".")[0] in parts}
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        # PyTorch's first line only says that there are errors.
        reason = " ".join(str(error).partition("\n")[2].split())[:160]
        raise StrokebenchError(f"{path} does not fit {called}: {reason}", f"Give {source}.") from None
