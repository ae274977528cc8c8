"""AlexNet as torchvision ships it (Krizhevsky, "One weird trick for parallelizing convolutional networks", 2014)."""

from typing import TYPE_CHECKING

from l2h.backbones.base import Backbone
from l2h.datasets.downloads import Download

if TYPE_CHECKING:
    from torch import nn


class AlexNet(Backbone):
    """Layers: fc7 and fc6, 4,096 values each, after ReLU; pool5, 9,216 values, the convolutions' output."""

    layers = ("fc7", "fc6", "pool5")
    min_size = 63
    pretrained = {
        "imagenet1k_v1": Download(
            path="alexnet-owt-7be5be79.pth",
            size=244_408_911,
            sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
            urls=("https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",),
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
        """Torchvision's AlexNet with its default initialisation."""
        from torchvision.models import alexnet

        return alexnet(weights=None)

    def truncate(self, network: "nn.Module", layer: str) -> "nn.Module":
        """Cut the classifier (dropout, linear, ReLU, dropout, linear, ReLU, linear) behind the layer."""
        network.classifier = network.classifier[: {"pool5": 0, "fc6": 3, "fc7": 6}[layer]]  # type: ignore[index]
        return network
