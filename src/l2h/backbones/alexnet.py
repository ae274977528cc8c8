"""AlexNet as torchvision ships it (Krizhevsky, "One weird trick for parallelizing convolutional networks", 2014)."""

from typing import TYPE_CHECKING

from l2h.backbones.torchvision import Torchvision
from l2h.datasets.downloads import Download

if TYPE_CHECKING:
    from torch import nn


class AlexNet(Torchvision):
    """Layers: fc7 and fc6, 4,096 values each, after ReLU; pool5, 9,216 values, the convolutions' output."""

    layers = ("fc7", "fc6", "pool5")
    starts = ("conv2", "conv3", "conv4", "conv5")
    ends = {"pool5": 0, "fc6": 3, "fc7": 6}  # dropout, linear, ReLU, dropout, linear, ReLU, linear
    begins = {"conv2": 3, "conv3": 6, "conv4": 8, "conv5": 10}
    min_size = 63
    pretrained = {
        "imagenet1k_v1": Download(
            path="alexnet-owt-7be5be79.pth",
            size=244_408_911,
            sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
            urls=("https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",),
        )
    }

    def network(self) -> "nn.Module":
        """Torchvision's AlexNet with its default initialisation."""
        from torchvision.models import alexnet

        return alexnet(weights=None)
