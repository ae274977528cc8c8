"""Configs: typed, checked with one-line errors, and completed with values derived from their entries."""

from l2h.config.backbones import EXTERNAL
from l2h.config.datasets import require_drawable
from l2h.config.messages import ConfigError
from l2h.config.reading import complete, declared
from l2h.config.resolution import resolve, resolved

__all__ = ["EXTERNAL", "ConfigError", "complete", "declared", "require_drawable", "resolve", "resolved"]
