"""VGG16 as torchvision ships it (Simonyan and Zisserman, "Very Deep Convolutional Networks", ICLR 2015)."""

from typing import TYPE_CHECKING

from l2h.backbones.base import Backbone
from l2h.datasets.downloads import Download

if TYPE_CHECKING:
    from torch import nn


class VGG16(Backbone):
    """Layers: fc7 and fc6, 4,096 values each, after ReLU; pool5, 25,088 values, the convolutions' output."""

    layers = ("fc7", "fc6", "pool5")
    min_size = 32
    pretrained = {
        "imagenet1k_v1": Download(
            path="vgg16-397923af.pth",
            size=553_433_881,
            sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
            urls=("https://download.pytorch.org/models/vgg16-397923af.pth",),
        )
    }
    licence = (
        "torchvision states none for its weights (code: BSD-3-Clause), and points to the terms of the training data: "
        "https://github.com/pytorch/vision#pre-trained-model-license; ImageNet's allow non-commercial research and "
        "education: https://image-net.org/download"
    )
    mean = (0.485, 0.456, 0.406)
    std = (0.229, 0.224, 0.225)
    input_size = 224

    def network(self) -> "nn.Module":
        """Torchvision's VGG16 with its default initialisation."""
        from torchvision.models import vgg16

        return vgg16(weights=None)

    def truncate(self, network: "nn.Module", layer: str) -> "nn.Module":
        """Cut the classifier (linear, ReLU, dropout, linear, ReLU, dropout, linear) behind the layer."""
        network.classifier = network.classifier[: {"pool5": 0, "fc6": 2, "fc7": 5}[layer]]  # type: ignore[index]
        return network
