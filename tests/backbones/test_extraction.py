"""Backbones, their weights, and extraction, against torchvision's own AlexNet."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file
from test_backbones import drawn
from torchvision.models import alexnet

from l2h import backbones, datasets, plugins
from l2h import device as devices
from l2h.backbones.extraction import extract, forward, preprocess
from l2h.backbones.weights import file_sha256, load_network, make_pretrained, make_untrained
from l2h.datasets.images import iter_images
from l2h.errors import L2HError
from l2h.store.features import write_features
from l2h.store.manifests import read_manifest
from workspace import SUPPORT

ALEXNET = backbones.registry.get("alexnet")()
GREY = {"mean": (0.5, 0.5, 0.5), "std": (1.0, 1.0, 1.0)}


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    """A file of AlexNet's weights, as a user may have one."""
    with torch.device("meta"):
        network = ALEXNET.network()
    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    save_file(drawn(network).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def convolutions(untrained):
    """A file of what pool5 needs: a twenty-fifth of the weights."""
    path = untrained.with_name("convolutions.safetensors")
    save_file({name: tensor for name, tensor in load_file(untrained).items() if name.startswith("features")}, path)
    return path


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 70, 90, 3), dtype=np.uint8)


def run(path, images, layer="pool5", batch=5, size=64, precision="fp32"):
    network = load_network(ALEXNET, layer, path)
    batches = [(np.arange(i, min(i + batch, len(images))), images[i : i + batch]) for i in range(0, len(images), batch)]
    parts = extract(
        batches,
        network,
        size=size,
        mean=ALEXNET.mean,
        std=ALEXNET.std,
        precision=precision,
        device=torch.device("cpu"),
    )
    return np.concatenate([features for _, features in parts])


def test_untrained_weights_follow_the_seed_and_nothing_else(tmp_path):
    plugins.load([str(SUPPORT / "toy_backbone.py")])
    toy, digests = backbones.registry.get("toy")(), []
    for before, seed in ((5, 0), (99, 0), (99, 1)):
        torch.manual_seed(before)
        make_untrained(toy, seed, tmp_path / "w.safetensors")
        digests.append(file_sha256(tmp_path / "w.safetensors"))
    assert digests[0] == digests[1] != digests[2]


def test_layers_are_those_of_torchvision_in_eval_mode(untrained, images):
    with torch.device("meta"):  # which draws no weights
        reference = alexnet()
    reference.load_state_dict(load_file(untrained), assign=True)
    reference.eval()  # dropout off
    with torch.inference_mode():
        x = reference.avgpool(reference.features(preprocess(torch.tensor(images), 64, ALEXNET.mean, ALEXNET.std)))
        expected = {"pool5": x.flatten(1)}
        expected["fc6"] = reference.classifier[:3](expected["pool5"])
        expected["fc7"] = reference.classifier[3:6](expected["fc6"])
    for layer, dimensions in (("pool5", 9216), ("fc6", 4096), ("fc7", 4096)):
        features = run(untrained, images, layer)
        assert features.shape == (5, dimensions)
        assert features.dtype == np.float32
        assert np.allclose(features, expected[layer].numpy(), atol=1e-6)


def test_batch_size_does_not_matter(convolutions, images):
    assert np.allclose(run(convolutions, images, batch=2), run(convolutions, images), atol=1e-6)


def test_batches_are_no_larger_than_allowed(images):
    sizes = []

    class Network(torch.nn.Module):
        def forward(self, inputs):
            sizes.append(len(inputs))
            return inputs.mean((2, 3))

    how = {"size": 8, **GREY, "precision": "fp32", "device": torch.device("cpu")}
    ((ids, features),) = extract([(np.arange(5), images)], Network(), at_once=2, **how)
    assert sizes == [2, 2, 1]
    ((_, whole),) = extract([(np.arange(5), list(images))], Network(), **how)
    assert sizes == [2, 2, 1, 5]
    assert ids.tolist() == [0, 1, 2, 3, 4]
    assert np.allclose(features, whole, atol=1e-6)


@pytest.mark.parametrize("known", [False, True])
def test_emulated_bf16_is_warned_of(known, monkeypatch, caplog):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "avx512_bf16": known, "amx_bf16": False})
    devices.warn_of_emulation("fp32", torch.device("cpu"))
    devices.warn_of_emulation("bf16", torch.device("cuda"))
    assert not caplog.records
    devices.warn_of_emulation("bf16", torch.device("cpu"))
    assert ("bf16 is emulated on this CPU" in caplog.text) is not known


def test_bf16_is_close_to_fp32(convolutions, images):
    exact, rough = run(convolutions, images), run(convolutions, images, precision="bf16")
    assert rough.dtype == np.float32
    assert not np.array_equal(rough, exact)
    assert np.abs(rough - exact).max() < 0.05 * np.abs(exact).max()


def test_grey_images_are_colour_images_with_equal_channels():
    grey = np.random.default_rng(1).integers(0, 256, (2, 8, 16), dtype=np.uint8)
    a = preprocess(torch.tensor(grey), 64, ALEXNET.mean, ALEXNET.std)
    b = preprocess(torch.tensor(np.repeat(grey[..., None], 3, axis=3)), 64, ALEXNET.mean, ALEXNET.std)
    assert a.shape == (2, 3, 64, 64)
    assert torch.allclose(a, b, atol=1e-6)
    assert a.is_contiguous(memory_format=torch.channels_last)


def test_preprocessing_scales_normalises_and_crops_nothing():
    ramp = torch.arange(256, dtype=torch.uint8).repeat(1, 2, 1)  # left black, right white
    scaled = preprocess(ramp, 64, **GREY)[0]
    assert scaled[0, 0, 0] == pytest.approx(-0.5, abs=0.02)
    assert scaled[0, 0, -1] == pytest.approx(0.5, abs=0.02)
    flat = preprocess(torch.full((1, 3, 3), 51, dtype=torch.uint8), 10, (0.1, 0.2, 0.3), (1.0, 2.0, 4.0))
    assert torch.allclose(flat[0, :, 0, 0], torch.tensor([0.1, 0.0, -0.1 / 4]), atol=1e-6)


def test_images_of_different_sizes_are_prepared_as_each_alone(convolutions):
    rng = np.random.default_rng(2)
    several = [rng.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in [(1, 1), (70, 90), (64, 64), (300, 20)]]
    together = preprocess(several, 64, ALEXNET.mean, ALEXNET.std)
    alone = [preprocess(torch.tensor(image[None]), 64, ALEXNET.mean, ALEXNET.std) for image in several]
    assert torch.equal(together, torch.cat(alone))
    assert together.is_contiguous(memory_format=torch.channels_last)
    same = np.stack([several[1]] * 2)
    assert torch.equal(preprocess(list(same), 64, **GREY), preprocess(torch.tensor(same), 64, **GREY))
    assert np.array_equal(run(convolutions, list(same)), run(convolutions, same))


def test_a_file_with_only_the_needed_layers_is_enough(untrained, convolutions, images, tmp_path):
    assert np.array_equal(run(convolutions, images), run(untrained, images))
    with pytest.raises(L2HError, match=r"lacks classifier.1.weight, classifier.1.bias, .* layer \(pool5\) or a file"):
        load_network(ALEXNET, "fc6", convolutions)
    save_file({"else": torch.zeros(1)}, tmp_path / "else.safetensors")
    with pytest.raises(L2HError, match="which layer pool5 needs; use another file"):
        load_network(ALEXNET, "pool5", tmp_path / "else.safetensors")


def test_weights_of_another_network_are_refused(convolutions, tmp_path):
    state = load_file(convolutions)
    state["features.0.weight"] = torch.zeros(64, 3, 3, 3)
    save_file(state, tmp_path / "wrong.safetensors")
    with pytest.raises(L2HError, match=r"another network: features.0.weight \(64, 3, 3, 3\)"):
        load_network(ALEXNET, "pool5", tmp_path / "wrong.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"\xff" * 99)
    with pytest.raises(L2HError, match="not a valid safetensors file"):
        load_network(ALEXNET, "pool5", tmp_path / "broken.safetensors")


def test_real_imagenet_convolutions(shared_data, tmp_path):
    """AlexNet's published convolutions, a file without the layers that pool5 does not need."""
    weights = shared_data / "alexnet_imagenet_conv.safetensors"
    images, _ = datasets.registry.get("digits")(None).load()
    with torch.device("meta"):
        reference = alexnet()
    reference.load_state_dict(load_file(weights), strict=False, assign=True)
    with torch.inference_mode():
        inputs = preprocess(torch.tensor(images[:8]), 224, ALEXNET.mean, ALEXNET.std)
        expected = reference.features(inputs).flatten(1).numpy()
    assert np.allclose(run(weights, images[:8], batch=8, size=224), expected, atol=1e-4)
    with pytest.raises(L2HError, match="which layer fc7 needs; choose an earlier layer"):
        load_network(ALEXNET, "fc7", weights)


def test_features_are_written_without_holding_them_all(tmp_path):
    """Row groups follow the batches, so that no more than a batch is in memory."""
    datasets.registry.get("digit_pairs")(None).prepare(tmp_path / "images", tmp_path / "manifest.parquet")
    manifest = read_manifest(tmp_path / "manifest.parquet")
    features = extract(
        iter_images(tmp_path / "images", manifest, 300),
        torch.nn.Flatten(),
        size=16,
        mean=ALEXNET.mean,
        std=ALEXNET.std,
        precision="fp32",
        device=torch.device("cpu"),
    )
    write_features(tmp_path / "f.parquet", features, "float16", {"layer": "pool5"})
    file = pq.ParquetFile(tmp_path / "f.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [300, 300, 298]
    assert file.schema_arrow.field("feature").type == pa.list_(pa.float16(), 3 * 16 * 16)


def test_devices():
    assert devices.choose("cpu").type == "cpu"
    assert devices.choose("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    if not torch.cuda.is_available():
        with pytest.raises(L2HError, match="torch finds no GPU; set device: auto"):
            devices.choose("cuda")


class TestPublishedWeights:
    def test_a_checkpoint_becomes_safetensors(self, tmp_path):
        torch.save({"features.0.bias": torch.arange(3.0)}, tmp_path / "w.pth")
        make_pretrained(ALEXNET, "imagenet1k_v1", lambda _: tmp_path / "w.pth", tmp_path / "w.safetensors")
        assert load_file(tmp_path / "w.safetensors")["features.0.bias"].tolist() == [0, 1, 2]

    def test_a_checkpoint_that_could_run_code_is_not_loaded(self, tmp_path):
        class Evil:
            def __reduce__(self):
                return (open, (str(tmp_path / "evidence"), "w"))

        torch.save({"x": Evil()}, tmp_path / "evil.pth")
        with pytest.raises(Exception, match="Weights only load failed"):
            make_pretrained(ALEXNET, "imagenet1k_v1", lambda _: tmp_path / "evil.pth", tmp_path / "w.safetensors")
        assert not (tmp_path / "evidence").exists()


def test_fp32_is_never_computed_as_tf32(monkeypatch):
    """CUDA's convolutions round to 10 bits by default."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    forward(torch.nn.Flatten(), torch.zeros(1, 3, 2, 2), "fp32")
    assert not torch.backends.cudnn.allow_tf32
