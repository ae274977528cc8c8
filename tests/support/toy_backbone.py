"""A backbone from outside the package, small enough to be trained in a test: convolution, batch norm, dropout."""

from l2h import backbones
from l2h.backbones.base import Backbone


@backbones.register("toy")
class Toy(Backbone):
    """One layer, 128 values."""

    layers = ("fc",)
    starts = ("pool",)
    min_size = 16
    pretrained = {}
    mean = (0.5, 0.5, 0.5)
    std = (0.5, 0.5, 0.5)

    def network(self):
        """With torch's default initialisation."""
        from torch import nn

        convolution = [nn.Conv2d(3, 8, 5, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(4)]
        return nn.Sequential(*convolution, nn.Flatten(), nn.Dropout(), nn.Linear(128, 128), nn.ReLU())

    def truncate(self, network, layer):
        """All of it."""
        return network

    def halves(self, network, start):
        """Before the pooling."""
        return network[:3], network[3:]
