"""Methods that learn by gradient descent: a file a loss; what they share beside them."""

from l2h.hashing.deep.base import DeepHasher

__all__ = ["DeepHasher"]
