"""Methods that learn by gradient descent: one file per loss, and the modules that they share."""

from l2h.hashing.deep.base import DeepHasher

__all__ = ["DeepHasher"]
