"""Backbones by name. A backbone is one file: a subclass of `Backbone`, registered here or by a plug-in."""

from l2h.backbones.base import Backbone
from l2h.registry import Registry

registry = Registry("backbone", {"alexnet": "l2h.backbones.alexnet:AlexNet"})
available = registry.names
register = registry.register

__all__ = ["Backbone", "available", "register", "registry"]
