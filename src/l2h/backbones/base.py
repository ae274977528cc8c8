"""What every backbone says of itself, without importing torch, and builds when asked."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import nn

    from l2h.download import Download


class Backbone(ABC):
    """A network whose inner activations serve as features.

    Attributes
    ----------
    layers : outputs to choose from, the deepest, which is the default, first
    min_size : smallest input, in pixels, that the network accepts
    pretrained : published weights by name, as torch checkpoints
    licence : of the pretrained weights, with its source; a release states it
    mean, std : of the three colour channels in 0..1, as the pretrained weights expect them
    """

    layers: ClassVar[tuple[str, ...]]
    min_size: ClassVar[int]
    pretrained: ClassVar[Mapping[str, "Download"]]
    licence: ClassVar[str] = "as stated by its owner"
    mean: ClassVar[tuple[float, float, float]]
    std: ClassVar[tuple[float, float, float]]

    @abstractmethod
    def network(self) -> "nn.Module":
        """The whole network, freshly initialised by torch's global generator."""

    @abstractmethod
    def truncate(self, network: "nn.Module", layer: str) -> "nn.Module":
        """The network from images, float (n, 3, h, w), to the layer's activations (n, d); names of tensors stay."""
