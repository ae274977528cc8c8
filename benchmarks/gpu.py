"""One GPU: equal results, speed of ranking, extraction and training, and CIFAR-10 end to end, in a few minutes.

    PYTHONPATH=src python benchmarks/gpu.py --data FOLDER --out FOLDER

It needs l2h's light core and torch, no network, and for its last section `cifar10_jpeg.parquet` (name, label, jpeg)
and `alexnet_imagenet_conv.safetensors` in the data folder. It writes `gpu.json` after each row and `gpu.md` at the
end. An error ends its section only. The exit code is 1 if a section failed or a check did not pass. `--tiny` runs
everything on small inputs, also on a CPU.
"""

import argparse
import hashlib
import json
import logging
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from common import synthetic
from l2h import backbones, codes, hashing
from l2h.backbones.extraction import BATCH_SIZE, Extractor, forward
from l2h.backbones.weights import load_network
from l2h.datasets.cifar10 import Cifar10
from l2h.datasets.digits import Digits
from l2h.device import choose
from l2h.errors import line
from l2h.evaluation.timing import measure, processor
from l2h.hashing.deep import full
from l2h.hashing.deep.finetuning import finetune
from l2h.metrics import average_precision
from l2h.ranking import on_numba, on_numpy, on_torch, rank_histogram
from l2h.ranking.problem import Problem, lay_out
from l2h.ranking.roles import rank_split
from l2h.splits import Protocol, Split, make_split
from l2h.store.files import atomic

if find_spec("triton"):
    import triton
    import triton.language as tl

    from l2h.ranking import on_triton

    @triton.jit
    def sum_distances(queries, items, sums, n: int, BLOCK: tl.constexpr):
        """Sum each item's distances to n queries, without a histogram."""
        place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        item, total = tl.load(items + place), tl.zeros((BLOCK,), tl.int32)
        for query in range(n):
            total += on_triton.popcount(item ^ tl.load(queries + query))
        tl.store(sums + place, total)


Row = dict[str, Any]
PACKAGES = ("torch", "torchvision", "triton", "numba", "numpy", "timm")
POPCOUNTS = 16  # of 32 bits, a clock and multiprocessor: CUDA programming guide, compute capability 7.0 to 9.0
CASES = ((1, "classes"), (33, "81 labels"), (64, "classes"), (64, "81 labels"), (64, "one code"), (70, "classes"))
CASES += ((255, "81 labels"),)
LOSSES = {
    "dsh, bank": ("dsh", {}),
    "dsh, batch": ("dsh", {"pairs": "batch"}),
    "hashnet": ("hashnet", {}),
    "hashnet, jaccard": ("hashnet", {"weighting": "jaccard"}),
    "bihalf": ("bihalf", {}),
}
ALLOWED = {"fp32": 1e-4, "bf16": 5e-2, "loss": 1e-5, "gradient": 1e-4}  # ||GPU - CPU|| / ||CPU||
CELLS = (("hashnet", 32), ("dsh", 32), ("hashnet", 16), ("dsh", 16), ("hashnet", 64), ("dsh", 64))
SIZES = {
    "equality": {"queries": 17, "items": 300_001, "images": 64},
    "ranking": {"queries": 10_000, "some": 200, "items": 10_000_000, "bits": 64, "classes": 10},
    "extraction": {"images": 4096},
    "training": {"images": 4480, "epochs": 3, "batch_size": 128, "hidden": 1024},
    "cells": {"cells": len(CELLS), "epochs": 60, "batch_size": 128, "hidden": 1024, "lr": 3e-4},
}
TINY = {
    "equality": {"queries": 3, "items": 500, "images": 2},
    "ranking": {"queries": 20, "some": 5, "items": 3000, "bits": 64, "classes": 10},
    "extraction": {"images": 2},
    "training": {"images": 8, "epochs": 2, "batch_size": 4, "hidden": 8},
    "cells": {"cells": 2, "epochs": 2, "batch_size": 16, "hidden": 8, "lr": 3e-4},
}


class SkippedError(Exception):
    """A section that cannot run here, with the reason."""


@dataclass(frozen=True)
class Run:
    """Settings that all sections share.

    Attributes
    ----------
    device : the torch device
    tiny : small inputs and networks
    data : folder of CIFAR-10 and weights, if given
    scratch : folder for weights and checkpoints
    end : target end of the last section, on the clock of `time.monotonic`
    """

    device: torch.device
    tiny: bool
    data: Path | None
    scratch: Path
    end: float

    @property
    def left(self) -> float:
        """Seconds left."""
        return self.end - time.monotonic()

    def entries(self) -> list[Row]:
        """The backbones, as input of `Extractor`; EfficientNet-Lite0 only if timm is installed."""
        alexnet = {"layer": "pool5", "input_size": 63} if self.tiny else {"layer": "fc7", "input_size": 224}
        found = [{"name": "alexnet", **alexnet}]
        if find_spec("timm"):
            found.append({"name": "efficientnet_lite0", "layer": "pooled", "input_size": 32 if self.tiny else 224})
        return [{"source": "random", "dtype": "float32", **entry} for entry in found]

    def measured(self) -> list[Row]:
        """The backbones at each precision; without bf16 on CPUs, as some emulate it at a hundredth of the speed."""
        precisions = ("bf16", "fp32") if self.device.type == "cuda" else ("fp32",)
        return [{**entry, "precision": precision} for entry, precision in product(self.entries(), precisions)]

    def weights(self, entry: Row) -> Path:
        """Random weights of a backbone up to a layer, drawn once."""
        path = self.scratch / f"{entry['name']}-{entry['layer']}.safetensors"
        if not path.exists():
            kind = backbones.registry.get(entry["name"])()
            torch.manual_seed(0)
            save_file(kind.truncate(kind.network(), entry["layer"]).state_dict(), path)
        return path


class Data(NamedTuple):
    """Images, their split, and whether mirrored images keep their labels."""

    name: str
    images: NDArray[np.uint8]
    split: Split
    flips: bool


class Epochs(logging.Handler):
    """Times of a training's epochs: each starts with the first image read and ends with its log line."""

    def __init__(self, images: NDArray[np.uint8]):
        super().__init__(logging.INFO)
        self.images = images
        self.starts: list[float] = []
        self.ends: list[float] = []

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Images in these rows."""
        if len(self.starts) == len(self.ends):
            self.starts.append(time.perf_counter())
        return self.images[rows]

    def emit(self, record: logging.LogRecord) -> None:
        """Record the end of an epoch."""
        if re.match(r"epoch \d+: loss", record.getMessage()):
            self.ends.append(time.perf_counter())

    def seconds(self) -> tuple[float, float]:
        """Median seconds of an epoch after the first, and from its end to the next one's start, for the checkpoint."""
        starts, ends = np.array(self.starts), np.array(self.ends)
        n = min(len(starts) - 1, len(ends))
        return float(np.median(ends[1:] - starts[1 : len(ends)])), float(np.median(starts[1 : n + 1] - ends[:n]))


def equality(sizes: Row, run: Run) -> Iterator[Row]:
    """Compare the GPU with the CPU: counts, features, losses and gradients."""
    rng = np.random.default_rng(0)
    for bits, kind in CASES:
        problem = _problem(rng, sizes["queries"], sizes["items"], bits, kind)
        expected = on_numpy.count(problem)
        for name, counter in {"numba": on_numba.count, **_gpu_counters(run)}.items():
            difference = np.abs(counter(problem) - expected).max()
            yield _check(f"counts by {name}, {bits} bits, {kind}", int(difference), 0)
    images = rng.integers(0, 256, (sizes["images"], 32, 32, 3), dtype=np.uint8)
    for entry in run.measured():
        features = [
            next(Extractor(entry, run.weights(entry), device)([(np.arange(0), images)]))[1]
            for device in (run.device, torch.device("cpu"))
        ]
        allowed = ALLOWED[entry["precision"]]
        yield _check(f"features, {entry['name']}, {entry['precision']}", _difference(*features), allowed)
    for name, (method, params) in LOSSES.items():
        loss = hashing.make(method, bits=32, **params)
        one, other = (_loss_and_gradient(loss, device) for device in (run.device, torch.device("cpu")))
        for what, here, there in zip(("loss", "gradient"), one, other, strict=True):
            yield _check(f"{what}, {name}", _difference(here, there), ALLOWED[what])


def _problem(rng: np.random.Generator, queries: int, items: int, bits: int, kind: str) -> Problem:
    """Random codes, or copies of one code, with labels of that kind."""
    tables = []
    for n in (queries, items):
        code = rng.random((n, bits)) < 0.5 if kind != "one code" else np.ones((n, bits), bool)
        labels = rng.random((n, 81)) < 0.02 if kind == "81 labels" else rng.integers(0, 5, n)
        tables.append((codes.pack(code), labels))
    (query, query_labels), (database, labels) = tables
    return lay_out(query, database, query_labels, labels, bits)[0]


def _gpu_counters(run: Run) -> dict[str, Callable[[Problem], NDArray[np.int64]]]:
    counters = {"torch": lambda problem: on_torch.count(problem, run.device)}
    if run.device.type == "cuda" and find_spec("triton"):
        counters["triton"] = lambda problem: on_triton.count(problem, run.device)
    return counters


def _loss_and_gradient(method: Any, device: torch.device) -> tuple[NDArray, NDArray]:
    rng = np.random.default_rng(1)
    labels, outputs, features = rng.random((300, 10)) < 0.15, rng.normal(size=(100, 32)), rng.random((100, 64))
    known, seen = (torch.tensor(array, dtype=torch.float32, device=device) for array in (labels, features))
    trained = torch.tensor(outputs, dtype=torch.float32, device=device, requires_grad=True)
    loss = method.loss(known)(trained, seen, torch.from_numpy(rng.permutation(300)[:100]).to(device), 10)
    loss.backward()
    return loss.detach().cpu().numpy(), trained.grad.cpu().numpy()


def _difference(one: NDArray, other: NDArray) -> float:
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


def _check(check: str, difference: float, allowed: float) -> Row:
    return {"check": check, "difference": difference, "allowed": allowed, "passed": difference <= allowed}


def ranking(sizes: Row, run: Run) -> Iterator[Row]:
    """Time each counter, and their limits."""
    n, items, some = sizes["queries"], sizes["items"], sizes["some"]
    rng = np.random.default_rng(1)
    query_classes, classes = rng.integers(0, 10, n), rng.integers(0, 10, items, dtype=np.int16)
    arguments = synthetic(n, query_classes, 2), synthetic(items, classes, 3), query_classes, classes
    whole, _ = lay_out(*arguments, 64)
    part = whole._replace(**{name: getattr(whole, name)[:some] for name in Problem._fields[:4]})
    limit = None

    def row(what: str, queries: int, seconds: float, **more: Any) -> Row:
        rate = queries * items / seconds / 1e9
        share = {"share of the limit": rate / limit} if limit else {}
        return {"what": what, "queries": queries, "seconds": seconds, "G pairs/s": rate, **share, **more}

    if run.device.type == "cuda":
        rate, how = popcount_limit()
        yield row("popcount limit of the card", n, n * items / rate / 1e9, how=how)
        limit = rate
    counters = {f"numba, {numba.config.NUMBA_NUM_THREADS} threads of the CPU": on_numba.count, **_gpu_counters(run)}
    if "triton" in counters:
        yield row("popcounts alone, summed (triton)", n, _popcounts_alone(whole, run.device))
    expected = counters["torch"](part)
    for name, counter in counters.items():
        problem = whole if name == "triton" else part
        passed = bool((counter(problem)[: len(expected)] == expected).all())
        seconds = measure(lambda counter=counter, problem=problem: counter(problem)).wall
        yield row(name, len(problem.query_words), seconds, passed=passed)
    rank = measure(lambda: rank_histogram(*arguments, bits=64, device=run.device.type))
    yield row("rank_histogram, checks and layout on the CPU included", n, rank.wall)


def popcount_limit() -> tuple[float, str]:
    """Limit of the GPU's popcount units in 10^9 pairs of 64 bits per second, and its formula."""
    count = torch.cuda.get_device_properties(0).multi_processor_count
    clock = float(_nvidia_smi("clocks.max.sm").split()[0]) / 1000
    how = f"{count} multiprocessors x {POPCOUNTS} popcounts of 32 bits a clock x {clock:.3f} GHz at most / 2 a pair"
    return count * POPCOUNTS * clock / 2, how


def _popcounts_alone(problem: Problem, device: torch.device) -> float:
    """Seconds to sum all distances; items that do not fill a block are ignored."""
    block = 1024
    blocks = problem.words.shape[1] // block
    queries, items = (
        torch.tensor(words.view(np.int64), device=device)
        for words in (problem.query_words[:, 0], problem.words[0, : blocks * block])
    )
    sums = torch.empty(len(items), dtype=torch.int32, device=device)

    def call() -> None:
        sum_distances[(blocks,)](queries, items, sums, len(queries), BLOCK=block)
        torch.cuda.synchronize()

    return measure(call).wall


def extraction(sizes: Row, run: Run) -> Iterator[Row]:
    """Time the extractor from images of 32 x 32 in memory to features, and the network alone."""
    images = np.random.default_rng(0).integers(0, 256, (sizes["images"], 32, 32, 3), dtype=np.uint8)
    for entry in run.measured():
        extractor = Extractor(entry, run.weights(entry), run.device)
        seconds = measure(lambda extractor=extractor: next(extractor([(np.arange(0), images)]))).wall
        alone = _network_alone(entry, sizes["images"], run)
        yield {
            "backbone": entry["name"],
            "layer": entry["layer"],
            "pixels a side": entry["input_size"],
            "precision": entry["precision"],
            "images/s": sizes["images"] / seconds,
            "images/s, network alone": sizes["images"] / alone,
        }


def _network_alone(entry: Row, n: int, run: Run) -> float:
    """Seconds for n images on the device, without copying the features back."""
    kind = backbones.registry.get(entry["name"])()
    network = kind.fold(load_network(kind, entry["layer"], run.weights(entry)))
    network = network.to(run.device, memory_format=torch.channels_last)
    inputs = torch.randn(min(n, BATCH_SIZE), 3, entry["input_size"], entry["input_size"], device=run.device)
    inputs = inputs.contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def call() -> None:
        for _ in range(n // len(inputs)):
            features = forward(network, inputs, entry["precision"])
        features[0, 0].item()  # waits for the device

    return measure(call).wall


def training(sizes: Row, run: Run) -> Iterator[Row]:
    """Time epochs of HashNet, 32 bits, at scope full on random images, without validation."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (sizes["images"], 32, 32, 3), dtype=np.uint8)
    labels = rng.integers(0, 10, len(images))
    for entry in run.measured():
        entry["layer"] = "pool5" if entry["name"] == "alexnet" else "pooled"
        params = {name: sizes[name] for name in ("epochs", "batch_size", "hidden")}
        epochs, _ = _train(run, entry, run.weights(entry), "hashnet", 32, images, labels, True, validation=0, **params)
        seconds, checkpoint = epochs.seconds()
        yield {
            "backbone": entry["name"],
            "layer": entry["layer"],
            "pixels a side": entry["input_size"],
            "precision": entry["precision"],
            "images/s": len(images) / seconds,
            "seconds an epoch": seconds,
            "seconds a checkpoint": checkpoint,
        }


def _train(
    run: Run,
    entry: Row,
    weights: Path,
    name: str,
    bits: int,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    flip: bool,
    **params: Any,
) -> tuple[Epochs, tuple[Any, Row | None]]:
    """The times of a training's epochs, and the result of `finetune`."""
    method = full.make(name, bits=bits, random_state=0, device=run.device.type, patience=params["epochs"], **params)
    epochs, log = Epochs(images), logging.getLogger("l2h")
    log.addHandler(epochs)
    checkpoint = run.scratch / "checkpoint"
    try:
        trained = finetune(method, entry, weights, epochs.read, labels, flip=flip, checkpoint=checkpoint, identity={})
    finally:
        log.removeHandler(epochs)
        checkpoint.unlink(missing_ok=True)
    return epochs, trained


def cells(sizes: Row, run: Run) -> Iterator[Row]:
    """Train, encode and rank cells of CIFAR-10 at scope full, while time remains: at least the first two."""
    data = cifar10(run.data) if run.data else digits(run)
    entry = {**run.entries()[0], "layer": "pool5", "precision": run.measured()[0]["precision"]}
    weights = run.data / "alexnet_imagenet_conv.safetensors" if run.data else run.weights(entry)

    def cell(name: str, bits: int, epochs: int) -> Row:
        start, ids = time.monotonic(), data.split.ids("train")
        how = {**sizes, "epochs": epochs}
        del how["cells"]
        arguments = data.images[ids], data.split.labels(ids), data.flips
        times, (network, record) = _train(run, entry, weights, name, bits, *arguments, **how)
        packed = _encode(network, data.images, run.device)
        database, unseen = rank_split(data.split, packed.__getitem__, bits, device=run.device.type)
        return {
            "dataset": data.name,
            "protocol": data.split.protocol,
            "method": name,
            "bits": bits,
            "epochs": epochs,
            "best epoch": record["epochs"],
            "validation mAP": max(record["scores"]),
            "mAP@all": float(average_precision(database).mean()),
            "mAP@all, unseen": float(average_precision(unseen).mean()),
            "seconds": time.monotonic() - start,
            "seconds an epoch": sum(times.seconds()),
            "validation mAP after each epoch": record["scores"],
        }

    short = cell(*CELLS[0], epochs=2)  # a warm-up, and an estimate of the others' time
    rest = short["seconds"] - 2 * short["seconds an epoch"]
    for place, (name, bits) in enumerate(CELLS[: sizes["cells"]]):
        share = run.left / max(1, 2 - place) - rest
        epochs = min(sizes["epochs"], int(share / short["seconds an epoch"]))
        if epochs < (2 if place < 2 else sizes["epochs"] // 2):
            break
        yield cell(name, bits, epochs)


def _encode(network: Any, images: NDArray[np.uint8], device: torch.device) -> NDArray[np.uint8]:
    """Packed codes of all images."""
    rows = np.array_split(np.arange(len(images)), -(-len(images) // 1024))
    return np.concatenate([part for _, part in network.encode(((some, images[some]) for some in rows), device)])


def cifar10(folder: Path) -> Data:
    """CIFAR-10 as JPEG files, in the protocol cifar10-1."""
    from torchvision.io import decode_jpeg

    table = pq.read_table(folder / "cifar10_jpeg.parquet", columns=["label", "jpeg"])
    files = table["jpeg"].to_pylist()

    def decode(content: bytes) -> NDArray[np.uint8]:
        return decode_jpeg(torch.frombuffer(bytearray(content), dtype=torch.uint8)).permute(1, 2, 0).numpy()

    with ThreadPoolExecutor() as pool:
        images = np.stack(list(pool.map(decode, files)))
    split = _split(files, table["label"].to_numpy(), "cifar10-1", Cifar10.protocols["cifar10-1"])
    return Data("cifar10_jpeg", images, split, Cifar10.flips)


def digits(run: Run) -> Data:
    """Some of scikit-learn's digits, which replace CIFAR-10 in a tiny run."""
    from sklearn.datasets import load_digits

    if not run.tiny:
        raise SkippedError("no --data FOLDER was given")
    found, n = load_digits(), 200
    images = np.round(found.images[:n] * (255 / 16)).astype(np.uint8)
    protocol = Protocol(query=2, train=6, per_class=True)
    split = _split([image.tobytes() for image in images], found.target[:n], "digits-20", protocol)
    return Data("digits", images, split, Digits.flips)


def _split(files: Sequence[bytes], labels: NDArray, name: str, protocol: Protocol) -> Split:
    hashes = [hashlib.sha256(file).digest() for file in files]
    table = {
        "id": pa.array(range(len(files)), pa.int64()),
        "image_sha256": pa.array(hashes, pa.binary(32)),
        "labels": pa.array([[label] for label in labels.tolist()], pa.list_(pa.int32())),
    }
    return make_split(pa.table(table), name, protocol, 0)


SECTIONS: dict[str, Callable[[Row, Run], Iterator[Row]]] = {
    "equality": equality,
    "ranking": ranking,
    "extraction": extraction,
    "training": training,
    "cells": cells,
}


def hardware(device: torch.device) -> Row:
    """The GPU, the CPU, and versions."""
    installed = {}
    for package in PACKAGES:
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            continue
    cpu = f"{processor()}, {torch.get_num_threads()} threads"
    if device.type == "cpu":
        return {"card": "none", "cpu": cpu, "versions": installed}
    found = torch.cuda.get_device_properties(0)
    card = f"{found.name}, {found.total_memory / 2**30:.0f} GiB"
    installed |= {"CUDA": torch.version.cuda, "driver": _nvidia_smi("driver_version")}
    return {"card": card, "cpu": cpu, "versions": installed}


def _nvidia_smi(field: str) -> str:
    command = ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader", "--id=0"]
    return subprocess.run(command, text=True, capture_output=True, check=True).stdout.strip()  # noqa: S603


def markdown(report: Row) -> str:
    """The report as Markdown: a table for each section, then values too long for cells."""
    lines = [f"`{report['command']}`, {report['date']}, {report['seconds']:.0f} s"]
    for name, section in report["sections"].items():
        where = f"{section['card']}; {section['cpu']}; {_listed(section['versions'])}"
        lines += [
            "",
            f"## {name}",
            "",
            SECTIONS[name].__doc__ or "",
            "",
            f"{where}. Sizes: {_listed(section['sizes'])}.",
        ]
        rows = section["rows"]
        columns = list(dict.fromkeys(key for row in rows for key, value in row.items() if not isinstance(value, list)))
        if rows:
            lines += ["", f"| {' | '.join(columns)} |", f"|{':--|' * len(columns)}"]
            lines += [f"| {' | '.join(_cell(row.get(column)) for column in columns)} |" for row in rows]
        for row in rows:
            head = ", ".join(_cell(row[key]) for key in ("method", "bits") if key in row)
            lines += [f"\n{head}, {key}: {_cell(value)}" for key, value in row.items() if isinstance(value, list)]
        lines += [f"\n**{word}**: {section[word]}" for word in ("skipped", "error") if word in section]
    return "\n".join(lines) + "\n"


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_cell(value)}" for name, value in values.items())


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(_cell, value))
    if isinstance(value, bool):
        return "yes" if value else "**no**"
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sections, the most important first; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5, help="approximate time for all sections (default: 5)")
    parser.add_argument(
        "--data", type=Path, help="folder of cifar10_jpeg.parquet and alexnet_imagenet_conv.safetensors"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("results/gpu"), help="folder to write to (default: results/gpu)"
    )
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="sections to run")
    parser.add_argument("--tiny", action="store_true", help="small inputs, also on a CPU")
    asked = parser.parse_args(arguments)
    if not (asked.tiny or torch.cuda.is_available()):
        parser.error("torch finds no GPU; --tiny runs on a CPU")
    logging.getLogger("l2h").setLevel(logging.INFO)  # where epochs end
    device, start = choose("auto"), time.monotonic()
    where, sizes = hardware(device), TINY if asked.tiny else SIZES
    words = sys.argv[1:] if arguments is None else arguments
    command = " ".join(["python benchmarks/gpu.py", *words])
    report: Row = {"command": command, "date": time.strftime("%Y-%m-%d"), "sections": {}}

    def write() -> None:
        report["seconds"] = time.monotonic() - start
        with atomic(asked.out / "gpu.json") as part:
            part.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")

    with tempfile.TemporaryDirectory() as scratch:
        run = Run(device, asked.tiny, asked.data, Path(scratch), start + 60 * asked.minutes)
        for name in asked.only:
            began = time.monotonic()
            section: Row = {**where, "sizes": sizes[name], "rows": []}
            report["sections"][name] = section
            try:
                if run.left <= 0:
                    raise SkippedError(f"no time left of {asked.minutes} minutes")
                for row in SECTIONS[name](sizes[name], run):
                    section["rows"].append(row)
                    print(name, _listed(row), flush=True)
                    write()
            except SkippedError as reason:
                section["skipped"] = str(reason)
            except Exception as error:
                traceback.print_exc()
                section["error"] = f"{type(error).__name__}: {line(error)}"
            section["seconds"] = time.monotonic() - began
            write()
    page = markdown(report)
    (asked.out / "gpu.md").write_text(page, encoding="utf-8")
    print(f"\n{page}")
    rows = [row for section in report["sections"].values() for row in section["rows"]]
    failed = any("error" in section for section in report["sections"].values())
    return int(failed or not all(row.get("passed", True) for row in rows))


if __name__ == "__main__":
    sys.exit(main())
