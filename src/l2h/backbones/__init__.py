"""Backbones by name: one file each, with a subclass of `Backbone`, registered here or by a plug-in."""

from l2h.backbones.base import Backbone
from l2h.registry import Registry

registry = Registry(
    "backbone",
    {
        "alexnet": "l2h.backbones.alexnet:AlexNet",
        "efficientnet_lite0": "l2h.backbones.efficientnet_lite0:EfficientNetLite0",
        "timm:": "l2h.backbones.timm:Timm",
        "vgg16": "l2h.backbones.vgg16:VGG16",
    },
)
available = registry.names
register = registry.register

__all__ = ["Backbone", "available", "register", "registry"]
