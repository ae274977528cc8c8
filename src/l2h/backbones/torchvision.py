"""Networks of torchvision in three parts, one after the other: `features`, `avgpool` and `classifier`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from l2h.backbones.base import Backbone

if TYPE_CHECKING:
    from torch import nn


class Torchvision(Backbone):
    """Base class of AlexNet and VGG16.

    Attributes
    ----------
    ends : number of the classifier's modules up to a layer, for each of `layers`
    begins : number of the modules of `features` before a convolution, for each of `starts`
    """

    ends: ClassVar[Mapping[str, int]]
    begins: ClassVar[Mapping[str, int]]
    licence = (
        "torchvision states none for its weights (code: BSD-3-Clause), and points to the terms of the training data: "
        "https://github.com/pytorch/vision#pre-trained-model-license; ImageNet's allow non-commercial research and "
        "education: https://image-net.org/download"
    )
    mean = (0.485, 0.456, 0.406)
    std = (0.229, 0.224, 0.225)
    input_size = 224

    def truncate(self, network: "nn.Module", layer: str) -> "nn.Module":
        """Cut the classifier behind the layer."""
        network.classifier = network.classifier[: self.ends[layer]]  # type: ignore[index]
        return network

    def halves(self, network: "nn.Module", start: str) -> tuple["nn.Module", "nn.Module"]:
        """Cut the convolutions before `start`."""
        from torch import nn

        convolutions: nn.Sequential = network.features  # type: ignore[assignment]
        at = self.begins[start]
        after = nn.Sequential(*convolutions[at:], network.avgpool, nn.Flatten(), network.classifier)  # type: ignore[arg-type]
        return convolutions[:at], after
