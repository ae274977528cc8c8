"""VGG16 as torchvision ships it (Simonyan and Zisserman, "Very Deep Convolutional Networks", ICLR 2015)."""

from typing import TYPE_CHECKING

from l2h.backbones.torchvision import Torchvision
from l2h.datasets.downloads import Download

if TYPE_CHECKING:
    from torch import nn


class VGG16(Torchvision):
    """Layers: fc7 and fc6, 4,096 values each, after ReLU; pool5, 25,088 values, the convolutions' output."""

    layers = ("fc7", "fc6", "pool5")
    starts = ("conv2_1", "conv3_1", "conv4_1", "conv5_1")
    ends = {"pool5": 0, "fc6": 2, "fc7": 5}  # linear, ReLU, dropout, linear, ReLU, dropout, linear
    begins = {"conv2_1": 5, "conv3_1": 10, "conv4_1": 17, "conv5_1": 24}
    min_size = 32
    pretrained = {
        "imagenet1k_v1": Download(
            path="vgg16-397923af.pth",
            size=553_433_881,
            sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
            urls=("https://download.pytorch.org/models/vgg16-397923af.pth",),
        )
    }

    def network(self) -> "nn.Module":
        """Torchvision's VGG16 with its default initialisation."""
        from torchvision.models import vgg16

        return vgg16(weights=None)
