"""Configs: defaults, and one clear line for each mistake."""

import copy
from pathlib import Path

import jsonschema
import pytest
import yaml
from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError

from l2h.config import ConfigError, complete, declared, require_drawable, resolve
from l2h.config.schema import alternatives, schema
from l2h.errors import L2HError

ROOT = Path(__file__).parents[2]
MINIMAL = {
    "datasets": ["digits"],
    "backbones": [{"name": "alexnet", "weights": "untrained"}],
    "methods": ["itq", {"method": "dsh", "label": "dsh-paper", "params": {"alpha": 0.01, "pairs": "batch"}}],
}
LISTS = {"root": "x", "query": "q.txt", "train": "t.txt", "database": "d.txt"}


def mine(**change):
    """The entry of a folder of images."""
    return {"name": "mine", "reader": "image_list", "params": {"root": "x"}, **change}


def resolved(config):
    config = copy.deepcopy(config)
    resolve(config)
    return config


def test_impossible_code_lengths_are_left_out_with_a_reason():
    config = resolved({**MINIMAL, "methods": ["pq", "lsh"], "bits": [8, 12]})
    pq, lsh = config["methods"]
    assert pq["impossible"] == {12: "pq: bits must be a multiple of 8, because its codes are whole bytes, got 12"}
    assert pq["results"] == {"digits/digits-300": [(8, 0)]}
    assert (lsh["impossible"], lsh["results"]) == ({}, {"digits/digits-300": [(8, 0), (12, 0)]})
    (none,) = resolved({**MINIMAL, "methods": ["pq"], "bits": [12]})["methods"]
    assert none["results"] == {"digits/digits-300": []}


def test_defaults_are_filled_in():
    config = resolved(MINIMAL)
    assert config["bits"] == [8, 16, 32, 64]
    assert config["seeds"] == [0]
    assert config["threads"] == {"features": 4, "fit": 1, "rank": 1}
    assert config["ranking"] == {"shards": 1, "device": "cpu"}
    dealing = {"query": 30, "train": 50, "per_class": True, "train_in_database": True}
    assert config["datasets"] == [
        {
            "name": "digits",
            "reader": "digits",
            "params": {},
            "protocol": "digits-300",
            "dealing": dealing,
            "protocol_id": "digits-300",
            "split_seed": 0,
            "allow_lone_queries": False,
            "look": [],
            "missing": None,
            "shards": 1,
            "images": True,
            "relevance": "labels",
            "neighbours": None,
        }
    ]
    backbone = config["backbones"][0]
    assert (backbone["label"], backbone["layer"], backbone["input_size"]) == ("alexnet-fc7", "fc7", 224)
    assert backbone["source"] == "untrained-0"
    assert backbone["id"] == "alexnet-fc7-untrained-0-224px-fp32-float32-auto4"
    itq, dsh = config["methods"]
    assert (itq["label"], itq["scope"], itq["arguments"]) == ("itq", "shallow", {"n_iter": 50})
    chosen = {"alpha": 0.01, "pairs": "batch", "scope": "linear", "device": "auto"}
    assert chosen.items() <= dsh["arguments"].items()
    assert not {"bits", "random_state"} & set(dsh["arguments"])


def test_a_method_states_its_code_lengths_and_seeds(tmp_path):
    (tmp_path / "digits-16.npy").touch()
    external = {"method": "external", "params": {"codes": f"{tmp_path}/{{dataset}}-{{bits}}.npy"}}
    methods = ["itq", "cosine", external]
    entries = resolved({**MINIMAL, "methods": methods, "bits": [8, 16], "seeds": [3, 4]})["methods"]
    found = [entry["results"]["digits/digits-300"] for entry in entries]
    assert found == [[(8, 3), (8, 4), (16, 3), (16, 4)], [(0, 3)], [(16, 3)]]
    assert [entry["scope"] for entry in entries] == ["shallow", "exact", "external"]


def test_scope_full_takes_its_own_parameters_too():
    params = {"gamma": 5.0, "flip": True}
    methods = ["bihalf", {"method": "bihalf", "label": "whole", "scope": "full", "params": params}]
    head, whole = resolved({**MINIMAL, "methods": methods})["methods"]
    assert whole["scope"] == "full"
    assert {**params, "backbone_lr": 0.0, "crop": True, "device": "auto"}.items() <= whole["arguments"].items()
    assert not {"bits", "random_state", "method"} & set(whole["arguments"])
    assert whole["results"] == head["results"]
    assert "crop" not in head["arguments"]


def test_spelling_out_a_default_changes_nothing():
    plain = {**MINIMAL, "methods": ["itq", "dsh"]}
    params = {"itq": {"n_iter": 50}, "dsh": {"lr": [1e-3, 3e-4]}}
    spelled = {**MINIMAL, "methods": [{"method": name, "params": some} for name, some in params.items()]}
    for one, other in zip(resolved(spelled)["methods"], resolved(plain)["methods"], strict=True):
        assert repr(one["arguments"]) == repr(other["arguments"])


def test_a_declared_config_resolves_to_the_same():
    config = resolved(MINIMAL)
    again = declared(config)
    assert "arguments" not in again["methods"][0]
    assert resolved(again) == config


def test_numbers_may_come_as_text_from_snakemake():
    """As from `--config "bits=[8, 128]" "backbones=[{name: alexnet, weights: untrained, input_size: 64}]"`."""
    backbone = {"name": "alexnet", "weights": "untrained", "input_size": "64"}
    protocol = {"name": "own", "query": "0.5", "train": "7", "per_class": "true"}
    datasets = [mine(protocol=protocol, allow_lone_queries="True", look=["3"])]
    config = resolved({**MINIMAL, "bits": ["8", "128"], "backbones": [backbone], "datasets": datasets})
    assert config["bits"] == [8, 128]
    assert config["backbones"][0]["input_size"] == 64
    (entry,) = config["datasets"]
    assert (entry["look"], entry["allow_lone_queries"]) == ([3], True)
    assert entry["dealing"] == {"query": 0.5, "train": 7, "per_class": True, "train_in_database": True}
    assert isinstance(entry["dealing"]["train"], int)
    with pytest.raises(ConfigError, match="8.5 is not an integer, at least 1 and at most 256"):
        resolved({**MINIMAL, "bits": ["8.5"]})


def test_null_means_the_default():
    null = {"datasets": [{"name": "digits", "reader": None, "protocol": None, "shards": None}]}
    null["backbones"] = [{"name": "alexnet", "weights": "untrained", "layer": None, "label": None, "input_size": None}]
    null["methods"] = [{"method": "dsh", "scope": None, "label": None}]
    assert resolved(null) == resolved({**MINIMAL, "methods": ["dsh"]})


def test_defaults_of_a_timm_network_are_declared():
    pytest.importorskip("timm", reason="timm is an extra")
    config = resolved({**MINIMAL, "backbones": ["timm:resnet18"]})
    assert resolved(declared(config)) == config


def test_equal_features_are_shared_by_configs():
    def identity(**change):
        return resolved({**MINIMAL, **change})["backbones"][0]["id"]

    assert identity() == identity(bits=[4], seeds=[1, 2], methods=["lsh"], threads={"fit": 3})
    assert len({identity(), identity(device="cpu"), identity(threads={"features": 1})}) == 3


def test_a_folder_takes_any_drawn_protocol():
    def entry(**change):
        return resolved({**MINIMAL, "datasets": [mine(**change)]})["datasets"][0]

    assert (entry()["protocol_id"], entry()["dealing"]["query"]) == ("folder-10-40", 0.1)
    published = entry(protocol="cifar10-54k", split_seed=2)
    assert published["protocol_id"] == "cifar10-54k-seed2"
    assert published["dealing"] == {"query": 100, "train": 500, "per_class": True, "train_in_database": False}
    own = entry(protocol={"name": "own", "query": 7, "train": 0.5})
    assert own["protocol_id"] == own["protocol"] == "own"
    assert own["dealing"] == {"query": 7, "train": 0.5, "per_class": False, "train_in_database": True}
    assert entry(params=LISTS)["dealing"] is None


def test_missing_lists_and_codes_are_named(tmp_path):
    path = tmp_path / "all.txt"
    folder = mine(params={"root": str(tmp_path), "images": str(path)})
    external = {"method": "external", "params": {"codes": "no/{dataset}.npy"}}
    config = resolved({**MINIMAL, "datasets": [folder], "methods": [external], "bits": [8]})
    assert config["datasets"][0]["missing"].startswith(f"no list at {path}")
    assert config["methods"][0]["results"] == {}
    path.write_text("a.png 0 1")
    config = resolved({**MINIMAL, "datasets": [folder]})
    assert config["datasets"][0]["missing"] is None
    assert list(config["methods"][0]["results"]) == ["mine/folder-10-40"]


def test_a_protocol_that_cannot_be_drawn_is_refused_without_reading_an_image(tmp_path):
    for name in ("cat/1", "cat/2", "cat/3", "owl/4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.png").touch()
    path = tmp_path / "all.txt"
    path.write_text("1.png 7\n2.png 7\n3.png 7\n4.png 40000\n")
    protocol = {"name": "p", "query": 1, "train": 2, "per_class": True}

    def judge(protocol=protocol, **params):
        data = [mine(name="first"), mine(params={"root": str(tmp_path), **params}, protocol=protocol)]
        require_drawable(resolved({**MINIMAL, "datasets": ["digits", *data]}))

    words = "has 1 of the 3 needed (query 1, train 2); add data, or choose a protocol that needs less"
    for params, name in (({}, "owl"), ({"images": str(path)}, "40000")):
        with pytest.raises(ConfigError) as caught:
            judge(**params)
        place = "config key datasets[2].protocol: protocol p cannot be drawn"
        assert str(caught.value) == f"{place}: class {name} {words}"
        judge(protocol={**protocol, "per_class": False}, **params)
    path.write_text("1.png cat\n")
    with pytest.raises(L2HError, match="lines in an unknown format"):
        judge(images=str(path))


def test_shipped_configs_resolve_and_the_full_one_begins_with_mnist():
    shipped = {path.stem: resolved(yaml.safe_load(path.read_text())) for path in (ROOT / "config").glob("*.yaml")}
    assert {"config", "quickstart", "mnist"} <= set(shipped)
    ten = ["lsh", "itq", "sh", "dsh", "hashnet", "bihalf", "classifier", "pq", "cosine", "l2"]
    for name, seeds in (("config", [0, 1, 2, 3, 4]), ("mnist", [0, 1, 2])):
        assert [entry["method"] for entry in shipped[name]["methods"]] == ten
        assert shipped[name]["bits"] == [8, 16, 32, 64]
        assert shipped[name]["seeds"] == seeds
        assert shipped[name]["datasets"][0]["protocol_id"] == "mnist-1k"
    assert [entry["protocol_id"] for entry in shipped["config"]["datasets"]] == [
        "mnist-1k",
        "cifar10-1",
        "nuswide-81-m",
    ]


def test_the_protocol_id_follows_the_seed():
    config = resolved({**MINIMAL, "datasets": [{"name": "digits", "split_seed": 7}, "digits"]})
    assert [entry["protocol_id"] for entry in config["datasets"]] == ["digits-300-seed7", "digits-300"]


def test_a_local_weights_file_is_identified_by_its_content(tmp_path):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(b"weights")
    entry = resolved({**MINIMAL, "backbones": [{"name": "alexnet", "weights": str(path)}]})["backbones"][0]
    path.write_bytes(b"others")
    other = resolved({**MINIMAL, "backbones": [{"name": "alexnet", "weights": str(path)}]})["backbones"][0]
    assert entry["source"] == other["source"] == "mine"
    assert entry["id"] != other["id"]


def test_defaults_of_a_backbone_are_the_network_s(monkeypatch):
    def entry(**backbone):
        return resolved({**MINIMAL, "backbones": [backbone]})["backbones"][0]

    vgg = entry(name="vgg16")
    assert (vgg["layer"], vgg["weights"], vgg["input_size"]) == ("fc7", "imagenet1k_v1", 224)
    assert vgg["weights_id"] == "vgg16-imagenet1k_v1"
    pytest.importorskip("timm", reason="timm is an extra")
    vit = entry(name="timm:vit_tiny_patch16_224.augreg_in21k")
    assert (vit["layer"], vit["weights"], vit["local"]) == ("pooled", "published", False)
    assert vit["input_size"] is None  # known once the model is built
    assert vit["label"] == "timm.vit_tiny_patch16_224.augreg_in21k-pooled"
    assert vit["weights_id"] == "timm.vit_tiny_patch16_224.augreg_in21k-published"
    assert vit["id"] == "timm.vit_tiny_patch16_224.augreg_in21k-pooled-published-ownpx-fp32-float32-auto4"
    assert "-64px-" in entry(name="timm:resnet18", input_size=64)["id"]
    with pytest.raises(
        ConfigError, match=r"backbones\[0\].name: 'resnet1' is not a model of timm \(did you mean 'resnet1"
    ):
        entry(name="timm:resnet1")
    with pytest.raises(ConfigError, match="input_size: 16 is too small for timm:resnet18, which needs at least 32"):
        entry(name="timm:resnet18", input_size=16)
    monkeypatch.setattr("l2h.extras.find_spec", lambda _: None)
    for name in ("timm:resnet18", "efficientnet_lite0"):
        with pytest.raises(ConfigError, match=r"config key backbones\[0\].name: .*timm.* (is|are) not installed"):
            entry(name=name)


def test_the_mirror_comes_from_config_or_environment(tmp_path, monkeypatch):
    assert resolved(MINIMAL)["dataset_mirror"] is None
    (tmp_path / "one").mkdir()
    monkeypatch.setenv("L2H_DATASET_MIRROR", str(tmp_path))
    assert resolved(MINIMAL)["dataset_mirror"] == str(tmp_path)
    one = str(tmp_path / "one")
    assert resolved({**MINIMAL, "dataset_mirror": one})["dataset_mirror"] == one
    with pytest.raises(ConfigError, match="config key dataset_mirror: '/no/where' is not a folder"):
        resolved({**MINIMAL, "dataset_mirror": "/no/where"})
    monkeypatch.setenv("L2H_DATASET_MIRROR", "/no/where")
    with pytest.raises(ConfigError, match="environment variable L2H_DATASET_MIRROR: '/no/where' is not a folder"):
        resolved(MINIMAL)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"metods": []},
            "config: unknown key 'metods' (did you mean 'methods'?); allowed are datasets, backbones, methods, bits",
        ),
        ({"bits": [8, 300]}, "config key bits[1]: 300 is out of range; allowed is at least 1 and at most 256"),
        ({"bits": ["eight"]}, "config key bits[0]: 'eight' is not an integer, at least 1 and at most 256"),
        ({"bits": [8.0]}, "config key bits[0]: 8.0 is not an integer"),
        ({"seeds": [True]}, "config key seeds[0]: True is not an integer, at least 0"),
        ({3: 4}, "config: unknown key 3; allowed are datasets"),
        ({"methods": [{"method": "itq", "params": {1: 2}}]}, "config key methods[0].params: 1 is not a parameter name"),
        ({"methods": [{"method": "itq", "label": "a\n"}]}, "config key methods[0].label: 'a\\n' may hold only letters"),
        ({"bits": 8}, "config key bits: 8 is not a list; write [8]"),
        ({"methods": "itq"}, "config key methods: 'itq' is not a list; write [itq]"),
        ({"threads": [2]}, "config key threads: [2] is not a mapping"),
        ({"plugins": [3]}, "config key plugins[0]: 3 is not text"),
        ({"seeds": [-1]}, "config key seeds[0]: -1 is out of range"),
        ({"device": "gpu"}, "config key device: 'gpu' is not one of auto, cpu, cuda"),
        (
            {"datasets": ["mnits"]},
            "config key datasets[0].name: 'mnits' is not a dataset (did you mean 'mnist'?); choose one of cifar10",
        ),
        ({"datasets": []}, "config key datasets: the list is empty; name at least one"),
        (
            {"datasets": [{"name": "digits", "protocol": "cifar10-1"}]},
            "config key datasets[0].protocol: 'cifar10-1' is not a protocol of digits; choose one of digits-300",
        ),
        (
            {"datasets": ["digits", "digits"]},
            "config key datasets: 'digits' is listed 2 times with the protocol digits-300; remove one, or change its",
        ),
        (
            {"datasets": [{"name": "mine", "reader": "image_lists"}]},
            "config key datasets[0].reader: 'image_lists' is not a dataset (did you mean 'image_list'?)",
        ),
        (
            {"datasets": [{"name": "cifar10", "reader": "image_list", "params": {"root": "x"}}]},
            "config key datasets[0].name: 'cifar10' is another dataset's name; choose another",
        ),
        (
            {"datasets": [{"name": "a/b", "reader": "digits"}]},
            "config key datasets[0].name: 'a/b' may hold only letters",
        ),
        (
            {"datasets": [{"name": "digits", "params": {"root": "x"}}]},
            "config key datasets[0].params: digits has no parameter 'root'; it takes none",
        ),
        (
            {"datasets": [{"name": "mine", "reader": "image_list"}]},
            "config key datasets[0].params: image_list needs the parameter 'root'",
        ),
        (
            {"datasets": [{"name": "digits", "protocol": {"name": "p", "query": 1, "train": 1}}]},
            "config key datasets[0].protocol: digits has its own protocols; choose one of digits-300",
        ),
        (
            {"datasets": [mine(protocol={"name": "p", "query": 1.5, "train": 1})]},
            "config key datasets[0].protocol: query must be a positive integer, or a share between 0 and 1, got 1.5",
        ),
        (
            {"datasets": [mine(protocol={"name": "p", "query": 0, "train": 1})]},
            "config key datasets[0].protocol.query: 0 is out of range; allowed is above 0",
        ),
        (
            {"datasets": [mine(protocol={"name": "mnist-1k", "query": 1, "train": 1})]},
            "config key datasets[0].protocol.name: 'mnist-1k' is another protocol's name; choose another",
        ),
        (
            {"datasets": [mine(protocol={"name": "p", "query": 1})]},
            "config key datasets[0].protocol: the key 'train' is missing",
        ),
        (
            {"datasets": [mine(protocol="nuswide-81-m")]},
            "config key datasets[0].protocol: 'nuswide-81-m' is not a protocol of image_list; choose one of folder-10",
        ),
        (
            {"datasets": [mine(params=LISTS, protocol="cifar10-1")]},
            "config key datasets[0].protocol: 'cifar10-1' is not a protocol of image_list; choose one of lists",
        ),
        (
            {"datasets": [mine(params=LISTS, split_seed=3)]},
            "config key datasets[0].split_seed: protocol lists draws nothing; remove the key",
        ),
        (
            {"datasets": [mine(), mine(params={"root": "y"}, split_seed=1)]},
            "config key datasets: 'mine' is listed with different params; make them the same, or give each its own",
        ),
        (
            {"datasets": [mine(shards=2), mine(split_seed=1)]},
            "config key datasets: 'mine' is listed with different shards; make them the same, or give each its own",
        ),
        (
            {"methods": ["itqq"]},
            "config key methods[0].method: 'itqq' is not a method (did you mean 'itq'?); choose one of bihalf",
        ),
        ({"methods": [{"label": "x"}]}, "config key methods[0]: the key 'method' is missing"),
        (
            {"backbones": ["vgg61"]},
            "config key backbones[0].name: 'vgg61' is not a backbone (did you mean 'vgg16'?); choose one of alexnet, ",
        ),
        ({"methods": ["itq", "itq"]}, "config key methods: 'itq' is listed 2 times; give each entry its own label"),
        (
            {"methods": [{"method": "itq", "params": {"iterations": 9}}]},
            "config key methods[0].params: itq has no parameter 'iterations'; it takes n_iter",
        ),
        (
            {"methods": [{"method": "itq", "params": {"n_itr": 9}}]},
            "config key methods[0].params: itq has no parameter 'n_itr' (did you mean 'n_iter'?); it takes n_iter",
        ),
        (
            {"methods": [{"method": "dsh", "scope": "full", "params": {"patients": 9}}]},
            "config key methods[0].params: dsh has no parameter 'patients' (did you mean 'patience'?); it takes alpha",
        ),
        (
            {"datasets": [mine(params={"rot": "x"})]},
            "config key datasets[0].params: image_list has no parameter 'rot' (did you mean 'root'?); it takes root",
        ),
        (
            {"datasets": [mine(protocol="cifra10-1")]},
            "config key datasets[0].protocol: 'cifra10-1' is not a protocol of image_list (did you mean 'cifar10-1'?)",
        ),
        (
            {"backbones": [{"name": "alexnet", "layer": "pol5"}]},
            "config key backbones[0].layer: 'pol5' is not a layer of alexnet (did you mean 'pool5'?)",
        ),
        (
            {"methods": [{"method": "dsh", "scope": "full", "label": "whole", "params": {"train_from": "conv9"}}]},
            "config key methods (whole), params.train_from: 'conv9' is not a layer from which alexnet can be trained "
            "(did you mean 'conv5'?); choose one of conv2, conv3, conv4, conv5",
        ),
        (
            {"methods": [{"method": "dsh", "scope": "liner"}]},
            "config key methods[0].scope: 'liner' is not a scope of dsh (did you mean 'linear'?); choose one of linear",
        ),
        (
            {"backbones": [{"name": "alexnet", "weights": "imagenet"}]},
            "config key backbones[0].weights: 'imagenet' is neither one of imagenet1k_v1, untrained nor an existing "
            ".safetensors file (did you mean 'imagenet1k_v1'?); paths are relative",
        ),
        (
            {"methods": [{"method": "dsh", "params": {"alpha": "big"}}]},
            "config key methods[0].params: dsh: alpha must be a number from 0, got 'big'",
        ),
        (
            {"methods": [{"method": "itq", "scope": "linear"}]},
            "config key methods[0].scope: itq has no scopes",
        ),
        (
            {"methods": [{"method": "dsh", "params": {"crop": True}}]},
            "config key methods[0].params: dsh has no parameter 'crop'; it takes alpha, batch_size, device",
        ),
        (
            {"methods": [{"method": "dsh", "scope": "full", "params": {"lr": [1.0e-3, 1.0e-4]}}]},
            "config key methods[0].params: dsh: lr and hidden must be one number each at scope full, got",
        ),
        (
            {"methods": [{"method": "dsh", "scope": "full", "params": {"patience": 0}}]},
            "config key methods[0].params: dsh: patience must be a positive integer, got 0",
        ),
        (
            {"methods": [{"method": "itq", "scope": "full"}]},
            "config key methods[0].scope: itq has no scopes",
        ),
        (
            {"methods": [{"method": "dsh", "scope": "all"}]},
            "config key methods[0].scope: 'all' is not a scope of dsh; choose one of linear",
        ),
        (
            {"methods": [{"method": "itq", "params": {"bits": 3}}]},
            "config key methods[0].params.bits: set it with its own",
        ),
        ({"methods": [{"method": "itq", "label": "a/b"}]}, "config key methods[0].label: 'a/b' may hold only letters"),
        (
            {"backbones": [{"name": "alexnet", "layer": "fc8"}]},
            "config key backbones[0].layer: 'fc8' is not a layer of alexnet; choose one of fc7, fc6, pool5",
        ),
        (
            {"backbones": [{"name": "alexnet", "weights": "nowhere.safetensors"}]},
            "config key backbones[0].weights: 'nowhere.safetensors' is neither one of imagenet1k_v1, untrained nor an",
        ),
        (
            {"backbones": [{"name": "alexnet", "weights": "untrained", "input_size": 32}]},
            "config key backbones[0].input_size: 32 is too small for alexnet, which needs at least 63",
        ),
        ({"backbones": [{"name": "alexnet", "precision": "fp16"}]}, "config key backbones[0].precision: 'fp16' is not"),
        (
            {"backbones": [{"name": "alexnet", "label": "external"}]},
            "config key backbones[0].label: 'external' is reserved (external codes); choose another label",
        ),
        (
            {"methods": [{"method": "lsh", "params": {"pca_dims": -1}}], "bits": [8, 12]},
            "config key methods[0].params: lsh: pca_dims must be",
        ),
        ({"methods": ["external"]}, "config key methods[0].params: external: codes must be the path of a .npy or"),
        (
            {"methods": [{"method": "external", "params": {"codes": "a{{b}}.npy"}}]},
            "config key methods[0].params: external: codes must be the path of a .npy or .parquet file, which may hold",
        ),
        (
            {"backbones": [{"name": "alexnet", "weights": "a{b}.safetensors"}]},
            "config key backbones[0].weights: 'a{b}.safetensors' has braces, which Snakemake reads as wildcards; "
            "rename it",
        ),
        ({"pretrained": "{a}.tar"}, "config key pretrained[0]: '{a}.tar' has braces"),
        (
            {"methods": [{"method": "external", "params": {"codes": "no/{dataset}-{bits}.npy"}}]},
            "config key methods[0]: no/digits-8.npy does not exist, which should hold the codes of digits (digits-300)",
        ),
        ({"threads": {"fit": 0}}, "config key threads.fit: 0 is out of range; allowed is at least 1"),
        (
            {"threads": {"fits": 1}},
            "config key threads: unknown key 'fits' (did you mean 'fit'?); allowed are features, fit, rank",
        ),
        (
            {"datasets": [{"name": "digits", "shards": 0}]},
            "config key datasets[0].shards: 0 is out of range; allowed is at least 1 and at most 10000",
        ),
        ({"ranking": {"shards": 0}}, "config key ranking.shards: 0 is out of range; allowed is at least 1"),
        (
            {"ranking": {"shards": 10**9}},
            "config key ranking.shards: 1000000000 is out of range; allowed is at least 1 and",
        ),
        ({"ranking": {"device": "gpu"}}, "config key ranking.device: 'gpu' is not one of cpu, cuda, auto"),
        ({"plugins": ["nowhere.py"]}, "plug-in nowhere.py is not a Python file"),
        ({"bits": [8, 16, 8]}, "config key bits: 8 is listed 2 times; list it once"),
        ({"bits": ["9" * 5000]}, "config key bits[0]: '9999"),
        ({"bits": None}, "config key bits: None is not a list"),
        ({"methods": [3]}, "config key methods[0]: 3 is not text or a mapping"),
        ({"threads": None}, "config key threads: None is not a mapping"),
        ({"backbones": [{"name": "alexnet", "layer": ""}]}, "config key backbones[0].layer: the text is empty"),
        ({"backbones": [{"name": "alexnet", "layer": 3}]}, "config key backbones[0].layer: 3 is not text"),
        (
            {"datasets": [mine(allow_lone_queries="yes")]},
            "config key datasets[0].allow_lone_queries: 'yes' is not true or false",
        ),
        ({"datasets": [mine(params={1: 2})]}, "config key datasets[0].params: 1 is not a parameter name"),
        ({"datasets": [mine(protocol=4)]}, "config key datasets[0].protocol: 4 is not text or a mapping"),
        (
            {"datasets": [mine(protocol={"name": "p", "query": 1, "train": 1, "perclass": True})]},
            "config key datasets[0].protocol: unknown key 'perclass' (did you mean 'per_class'?); allowed are",
        ),
        (
            {"one": 1, "methods": 5, "methds": 2},
            "config: unknown key 'one', 'methds' (did you mean 'methods'?); allowed",
        ),
    ],
)
def test_each_mistake_is_one_line_with_key_and_fix(change, words):
    with pytest.raises(L2HError) as caught:
        resolved({**MINIMAL, **change})
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_new_dataset_name_needs_a_reader():
    with pytest.raises(ConfigError, match="'pets' is not a dataset; .* add `reader: image_list` to the name"):
        resolved({**MINIMAL, "datasets": [{"name": "pets", "params": {"root": "x"}}]})


def test_yaml_bombs_are_refused():
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))
    for config in (yaml.safe_load(text), yaml.safe_load("datasets: &some [*some]")):
        with pytest.raises(ConfigError, match="more than 100000 values; write it without aliases"):
            resolve(config)


@pytest.mark.parametrize("tag", ["object/apply:os.mkdir", "object/new:os.mkdir", "object:os.mkdir", "name:os.mkdir"])
def test_yaml_tags_execute_nothing(tmp_path, tag):
    """By Snakemake's own reader; a template (__use_yte__) does run, see SECURITY.md."""
    path, evidence = tmp_path / "c.yaml", tmp_path / "evidence"
    path.write_text(yaml.safe_dump(MINIMAL) + f"bits: !!python/{tag} [{evidence}]\n")
    with pytest.raises((ConfigError, WorkflowError, yaml.YAMLError)):
        resolve(load_configfile(path))
    assert not evidence.exists()


def test_a_missing_key_is_named():
    with pytest.raises(ConfigError, match="the key 'datasets' is missing"):
        resolved({})


def test_a_mistyped_key_is_named_instead_of_the_missing_one():
    config = {key: value for key, value in MINIMAL.items() if key != "methods"}
    with pytest.raises(ConfigError, match=r"^config: unknown key 'method' \(did you mean 'methods'\?\); allowed are"):
        resolve({**config, "method": ["itq"]})


def test_the_schema_is_valid_and_describes_every_key():
    jsonschema.Draft202012Validator.check_schema(schema())

    def walk(part, name):
        for one in alternatives(part):
            for key, value in one.get("properties", {}).items():
                assert value["description"].endswith("."), f"{name}.{key} has no description"
                assert value["description"].count(". ") == 0, f"{name}.{key} needs one sentence"
                walk(value, f"{name}.{key}")
            walk(one.get("items", {}), f"{name}[]")

    assert schema()["description"]
    walk(schema(), "config")


@pytest.mark.parametrize("change", [{"bits": [8, 8]}, {"bits": [0]}, {"seeds": 3}, {"device": "gpu"}, {"x": 1}])
def test_the_schema_refuses_what_the_models_refuse(change):
    jsonschema.validate(MINIMAL, schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**MINIMAL, **change}, schema())
    with pytest.raises(ConfigError):
        complete({**MINIMAL, **change})


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_configs_are_valid(path):
    config = yaml.safe_load(path.read_text())
    jsonschema.validate(config, schema())
    resolved(config)


def test_a_weights_file_may_have_spaces_in_its_name(tmp_path):
    path = tmp_path / "my (w) net.safetensors"
    path.write_bytes(b"weights")
    entry = resolved({**MINIMAL, "backbones": [{"name": "alexnet", "weights": str(path)}]})["backbones"][0]
    assert entry["source"] == "my__w__net"


def test_a_plugin_s_constructor_and_name_are_checked(tmp_path):
    plugin = tmp_path / "theirs.py"
    head = "from l2h import hashing\nfrom l2h.hashing.base import LinearHasher\n\n"
    plugin.write_text(head + "@hashing.register('a/b')\nclass Theirs(LinearHasher): pass\n")
    with pytest.raises(L2HError, match="'a/b' is not a valid name for a method"):
        resolved({**MINIMAL, "plugins": [str(plugin)]})
    plugin.write_text(
        head
        + "@hashing.register('theirs')\nclass Theirs(LinearHasher):\n    def __init__(self, bits=8): pass\n"
        + "    def fit(self, X, y=None): return self\n"
    )
    with pytest.raises(L2HError, match="theirs: its __init__ must take `bits` and `random_state`, but takes bits"):
        resolved({**MINIMAL, "plugins": [str(plugin)], "methods": ["theirs"]})


def test_a_broken_plugin_is_named(tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text("\nimport nothing_of_that_name\n")
    words = r"mine.py cannot be loaded: ModuleNotFoundError: No module named 'nothing_of.*' \(.*mine.py, line 2\)"
    with pytest.raises(L2HError, match=words):
        resolved({**MINIMAL, "plugins": [str(plugin)]})
    plugin.write_text("from l2h import hashing\n\n@hashing.register('itq')\nclass Mine: pass\n")
    with pytest.raises(L2HError, match="the method 'itq' exists already"):
        resolved({**MINIMAL, "plugins": [str(plugin)]})
