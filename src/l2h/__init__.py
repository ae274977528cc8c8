"""l2h: a benchmark of learning-to-hash, from images to short binary codes to one comparison."""

__version__ = "0.1.0"
