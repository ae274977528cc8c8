"""Any image model of timm, by its name there: `timm:resnet50`, `timm:resnet50.a1_in1k`."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from l2h.backbones.base import Backbone
from l2h.errors import L2HError, hint

if TYPE_CHECKING:
    from torch import Tensor, nn

    from l2h.datasets.downloads import Fetch


class Timm(Backbone):
    """Layer pooled: the input of the model's classifier.

    Each model has its own class. Importing timm takes seconds, like torch, and every job checks the config: so the
    class only looks up the name in timm's sources, and the instance reads the preprocessing of the pretrained weights
    from the model's data config.

    Attributes
    ----------
    model : timm's name, with or without the tag that selects published weights of one architecture
    """

    layers = ("pooled",)
    min_size = 32
    pretrained = {"published": None}
    cpu_batch = 4
    licence = "as stated on the model's own page, to which timm's configuration leads"
    packages = ("timm",)
    model: ClassVar[str]

    @classmethod
    def member(cls, name: str) -> type["Timm"]:
        """The backbone of the model with that name; raises L2HError if timm is missing or has no such model."""
        cls.check_packages()
        architecture = re.fullmatch(r"([A-Za-z0-9_]+)(\.[A-Za-z0-9_]+)?", name)
        known = _architectures()
        if architecture is None or architecture[1] not in known:
            raise L2HError(f"{name!r} is not a model of timm{hint(name, known)}; choose one of timm.list_models()")
        return type(f"timm:{name}", (cls,), {"model": name, "__module__": cls.__module__})

    def __init__(self) -> None:
        from timm.data import resolve_data_config
        from timm.models import get_pretrained_cfg

        try:
            found = get_pretrained_cfg(self.model)
        except RuntimeError as error:  # an unknown tag
            raise L2HError(f"timm:{self.model}: {error}") from error
        self._pretrained = found.to_dict() if found else {}
        data = resolve_data_config(pretrained_cfg=self._pretrained)
        self.mean, self.std = tuple(data["mean"]), tuple(data["std"])
        self.input_size = data["input_size"][-1]

    def network(self) -> "nn.Module":
        """The model that timm builds, with its default initialisation."""
        import timm
        import torch

        with torch.device("cpu"):  # some models compute tensors on creation that no weights file holds
            return timm.create_model(self.model)

    def truncate(self, network: "nn.Module", layer: str) -> "nn.Module":
        """Remove the classifier."""
        network.reset_classifier(0)  # type: ignore[operator]
        return network

    def published(self, weights: str, fetch: "Fetch") -> tuple[Mapping[str, "Tensor"], str]:
        """The weights that timm downloads for this name, pinned to the current revision of their repository."""
        import timm
        from huggingface_hub import HfApi

        place = self._pretrained.get("hf_hub_id") or self._pretrained.get("url")
        if not place:
            raise L2HError(f"timm publishes no weights of {self.model}; set weights: untrained, or name a file")
        overlay = {}
        try:
            if "hf_hub_id" in self._pretrained:
                repository, _, revision = place.partition("@")
                place = f"{repository}@{HfApi().model_info(repository, revision=revision or None).sha}"
                overlay = {"hf_hub_id": place}
            network = timm.create_model(self.model, pretrained=True, pretrained_cfg_overlay=overlay)
        except Exception as error:  # any error of the download
            raise L2HError(
                f"timm's weights of {self.model} are not available from {place} ({type(error).__name__}: "
                f"{str(error).splitlines()[0]}); download its model.safetensors yourself, and set weights to its path"
            ) from error
        return network.state_dict(), f"timm {timm.__version__}, {place}"

    def side(self, asked: int | None) -> int:
        """As for every backbone; some models accept images of only one size."""
        if asked not in (None, self.input_size) and self._pretrained.get("fixed_input_size"):
            raise L2HError(
                f"input_size: {asked}: timm:{self.model} accepts only {self.input_size}; set that, or omit the key"
            )
        return super().side(asked)


@cache
def _architectures() -> frozenset[str]:
    """Names of timm's models, from the decorated functions in its sources, without importing timm."""
    spec = find_spec("timm")
    assert spec is not None  # by `check_packages`
    assert spec.origin is not None  # not a namespace package
    sources = (path.read_text(encoding="utf-8") for path in Path(spec.origin).parent.glob("models/*.py"))
    return frozenset(name for text in sources for name in re.findall(r"^@register_model\s+def (\w+)\(", text, re.M))
