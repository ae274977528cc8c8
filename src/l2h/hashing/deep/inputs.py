"""What a network is trained on at scope `full`: images, or activations of its first layers, computed once."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from l2h.backbones.extraction import Images, activations, preprocess
from l2h.datasets.images import ImageStore
from l2h.progress import track

Rows = NDArray[np.int64]
Read = Callable[[Rows], Images]

AHEAD = 2  # batches to read in advance


class Inputs(Protocol):
    """Inputs of a network by rows of training images.

    Attributes
    ----------
    network : the backbone, or the part of it from which on it is trained
    """

    network: torch.nn.Module

    def varied(self, batches: Sequence[Rows]) -> Iterator[torch.Tensor]:
        """Yield the inputs of each batch for training: a random view of each image."""

    def whole(self, batches: Sequence[Rows]) -> Iterator[torch.Tensor]:
        """Yield the inputs of each batch as for encoding."""


class Pixels:
    """Images, read and preprocessed each time.

    Parameters
    ----------
    network : the backbone
    read : returns the images of some rows in a form for `preprocess`; called in a thread
    size, mean, std : see `preprocess`
    crop : train on random crops of images that are a seventh larger
    flip : train on mirrored images half of the time
    """

    def __init__(
        self,
        network: torch.nn.Module,
        read: Read,
        device: torch.device,
        *,
        size: int,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
        crop: bool,
        flip: bool,
    ):
        self.network, self.read, self.size, self.flip = network, read, size, flip
        self.larger = round(size * 8 / 7) if crop else size
        self._how: dict[str, Any] = {"mean": mean, "std": std, "device": device}

    def varied(self, batches: Sequence[Rows]) -> Iterator[torch.Tensor]:
        """Yield float32 (m, 3, size, size), augmented."""
        for pixels in ahead(self.read, batches):
            images = augment(preprocess(pixels, self.larger, **self._how), self.size, self.flip)
            yield images.contiguous(memory_format=torch.channels_last)

    def whole(self, batches: Sequence[Rows]) -> Iterator[torch.Tensor]:
        """Yield float32 (m, 3, size, size): whole images."""
        return (preprocess(pixels, self.size, **self._how) for pixels in ahead(self.read, batches))


class Activations:
    """Activations of the first layers, which are not trained, for each image and, with `flip`, its mirror image.

    They are computed once, from whole images, and kept in an unnamed temporary file, as they may be larger than memory.

    Parameters
    ----------
    halves : the backbone's first layers, in eval mode, and the rest; see `l2h.backbones.Backbone.halves`
    pixels : the images
    n : number of images
    precision : see `l2h.backbones.extraction.extract`
    batch_size : images per pass through the first layers
    folder : where the file is, without a name, until the end of the process
    """

    def __init__(
        self,
        halves: tuple[torch.nn.Module, torch.nn.Module],
        pixels: Pixels,
        n: int,
        device: torch.device,
        *,
        precision: str,
        flip: bool,
        batch_size: int,
        folder: Path,
    ):
        first, self.network = halves
        self._device = device
        batches = np.array_split(np.arange(n), -(-n // batch_size))
        images = track("activations of the first layers", pixels.whole(batches), n, "images", len(batches[0]))
        with TemporaryFile(dir=folder) as file, torch.inference_mode():
            for inputs in images:
                views = [inputs, inputs.flip(3)] if flip else [inputs]
                found = torch.stack([activations(first, view, precision) for view in views], dim=1)
                found = found.permute(0, 1, 3, 4, 2).cpu().contiguous()  # channels last, as in the network's memory
                file.write(found.view(torch.uint8).numpy().data)
            file.flush()
            held = torch.from_numpy(np.memmap(file, np.uint8, mode="c"))
        self._views = held.view(found.dtype).view(n, *found.shape[1:])  # (n, views, height, width, c)

    def varied(self, batches: Sequence[Rows]) -> Iterator[torch.Tensor]:
        """Yield float (m, c, height, width), each of the image or its mirror image, by chance."""
        for batch in batches:
            yield self._inputs(batch, torch.randint(self._views.shape[1], (len(batch),)))

    def whole(self, batches: Sequence[Rows]) -> Iterator[torch.Tensor]:
        """Yield float (m, c, height, width) of the images as they are."""
        return (self._inputs(batch, torch.zeros(len(batch), dtype=torch.int64)) for batch in batches)

    def _inputs(self, rows: Rows, views: torch.Tensor) -> torch.Tensor:
        return self._views[torch.from_numpy(rows), views].to(self._device).permute(0, 3, 1, 2)


def reader(images: ImageStore, ids: Rows) -> Read:
    """A function that reads images by their row in `ids`."""
    rows = images.rows_of(ids)
    return lambda some: images.read(rows[some])


def augment(images: torch.Tensor, size: int, flip: bool) -> torch.Tensor:
    """A random crop of each image, mirrored with probability 1/2 if `flip`; uses torch's global generator.

    Parameters
    ----------
    images : float (n, 3, s, s), s >= size

    Returns
    -------
    float (n, 3, size, size)
    """
    corners = torch.randint(images.shape[-1] - size + 1, (len(images), 2)).tolist()
    windows = [image[:, y : y + size, x : x + size] for image, (y, x) in zip(images, corners, strict=True)]
    if flip:
        mirrored = (torch.rand(len(images)) < 0.5).tolist()
        windows = [window.flip(2) if turn else window for window, turn in zip(windows, mirrored, strict=True)]
    return torch.stack(windows)


def ahead(read: Read, parts: Iterable[Rows]) -> Iterator[Images]:
    """Yield `read(part)` of each part in order, while a thread reads the next parts."""
    with ThreadPoolExecutor(1) as pool:
        waiting: deque[Future[Images]] = deque()
        for part in parts:
            waiting.append(pool.submit(read, part))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
