"""Base class of backbones: attributes that need no torch, and methods that build the network."""

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
    starts : names for `halves`: where training at scope full may start, so that all before it stays as it is
    min_size : smallest input, in pixels a side, that the network accepts
    pretrained : published weights by name, the default first, with their torch checkpoints; None if `published` gets
        them in another way
    cpu_batch : images per batch on a CPU. Activations of a small batch stay in its caches; a large batch reads large
        weights only once
    packages : import names of the packages that the extra installs
    licence : of the pretrained weights, with its source; stated in releases
    mean, std : of the three colour channels in 0..1, as the pretrained weights expect them
    input_size : default, the pixels per side that the pretrained weights were trained with. These three are attributes
        of the class, or only of its instances if they require torch
    """

    layers: ClassVar[tuple[str, ...]]
    starts: ClassVar[tuple[str, ...]] = ()
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
        """The network from images, float (n, 3, h, w), to the layer's activations (n, d); keeps names of tensors."""

    def halves(self, network: "nn.Module", start: str) -> tuple["nn.Module", "nn.Module"]:
        """The truncated network in two modules that share its tensors: up to `start`, one of `starts`, and from it on.

        The first turns images, float (n, 3, h, w), into activations, float (n, c, height, width); the second turns
        these into the network's output. A backbone with `starts` overrides this.
        """
        raise L2HError(f"{type(self).__name__} does not define `halves`")

    def published(self, weights: str, fetch: "Fetch") -> tuple[Mapping[str, "Tensor"], str]:
        """Tensors of published weights, under the network's names, and a description of their source.

        Parameters
        ----------
        weights : one of `pretrained`
        fetch : returns the path of a `Download`; see `l2h.datasets.downloads.fetch`
        """
        import torch

        download = self.pretrained[weights]
        if download is None:
            raise L2HError(
                f"{type(self).__name__} does not define how to get weights {weights!r}: add a Download for them to "
                "`pretrained`, or override `published`"
            )
        tensors = torch.load(fetch(download), map_location="cpu", weights_only=True)  # it cannot run code
        return tensors, f"{download.urls[0]}, sha256 {download.sha256}"

    def fold(self, network: "nn.Module") -> "nn.Module":
        """Merge layers in place that only training needs separately: equal outputs, faster extraction."""
        return network

    def side(self, asked: int | None) -> int:
        """Pixels per side of the input: as requested, or the default; raises L2HError if the size is fixed."""
        if asked is not None and not (type(asked) is int and 1 <= asked <= MAX_SIDE):
            raise L2HError(f"input_size must be an integer from 1 to {MAX_SIDE}, got {asked!r}")
        return asked or self.input_size
