"""What every backbone says of itself, without importing torch, and builds when asked."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from l2h import extras
from l2h.errors import L2HError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from l2h.datasets.downloads import Download, Fetch

MAX_SIDE = 4096  # pixels, of an input


class Backbone(ABC):
    """A network whose inner activations serve as features.

    Attributes
    ----------
    layers : outputs to choose from, the deepest, which is the default, first
    min_size : smallest input, in pixels a side, that the network accepts
    pretrained : published weights by name, the default first, and the torch checkpoint that holds them; None where
        `published` knows another way
    cpu_batch : images that a processor takes through the network at a time. Few stay in its caches, which matters to
        networks whose time goes into reading activations; many share one reading of large weights
    packages : what that part installs, by the names that Python imports
    licence : of the pretrained weights, with its source; a release states it
    mean, std : of the three colour channels in 0..1, as the pretrained weights expect them
    input_size : pixels a side that the pretrained weights were trained with, the default. These three are attributes
        of the class, or, where that takes torch to know, of its instances alone
    """

    layers: ClassVar[tuple[str, ...]]
    min_size: ClassVar[int]
    pretrained: ClassVar[Mapping[str, "Download | None"]]
    cpu_batch: ClassVar[int] = 128
    licence: ClassVar[str] = "as stated by its owner"
    packages: ClassVar[tuple[str, ...]] = ()
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    input_size: int

    @classmethod
    def check_packages(cls) -> None:
        """Raise L2HError, naming the extra, if a package is missing; imports none of them."""
        extras.require(*cls.packages)

    @abstractmethod
    def network(self) -> "nn.Module":
        """The whole network, freshly initialised by torch's global generator."""

    @abstractmethod
    def truncate(self, network: "nn.Module", layer: str) -> "nn.Module":
        """The network from images, float (n, 3, h, w), to the layer's activations (n, d); names of tensors stay."""

    def published(self, weights: str, fetch: "Fetch") -> tuple[Mapping[str, "Tensor"], str]:
        """Tensors of published weights, under the network's names, and where they come from, in words.

        Parameters
        ----------
        weights : one of `pretrained`
        fetch : from a `Download` to the path where it lies; see `l2h.datasets.downloads.fetch`
        """
        import torch

        download = self.pretrained[weights]
        if download is None:
            raise L2HError(
                f"{type(self).__name__} says nowhere how to get weights {weights!r}: its `pretrained` needs a Download "
                "for them, or the class a `published` of its own"
            )
        tensors = torch.load(fetch(download), map_location="cpu", weights_only=True)  # it cannot run code
        return tensors, f"{download.urls[0]}, sha256 {download.sha256}"

    def fold(self, network: "nn.Module") -> "nn.Module":
        """Merge, in place, what only training keeps apart: equal outputs, for extraction alone, in fewer steps."""
        return network

    def side(self, asked: int | None) -> int:
        """Pixels a side of the input: what is asked for, or the network's own; L2HError where it takes no other."""
        if asked is not None and not (type(asked) is int and 1 <= asked <= MAX_SIDE):
            raise L2HError(f"input_size must be a whole number from 1 to {MAX_SIDE}, got {asked!r}")
        return asked or self.input_size
