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
    """Layer pooled: what the model hands to its classifier.

    A class of its own stands for each model. To import timm takes seconds, as torch does, and every job checks the
    config: so the class only looks the name up in timm's sources, and the instance reads what the pretrained weights
    expect from the model's data config.

    Attributes
    ----------
    model : timm's name of it, with or without the tag that tells apart published weights of one architecture
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
        """The backbone of the model of that name; L2HError where timm is missing or has none."""
        cls.check_packages()
        architecture = re.fullmatch(r"([A-Za-z0-9_]+)(\.[A-Za-z0-9_]+)?", name)
        known = _architectures()
        if architecture is None or architecture[1] not in known:
            raise L2HError(f"{name!r} is no model of timm{hint(name, known)}; choose one of timm.list_models()")
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

        with torch.device("cpu"):  # some models compute, as they are built, what no weights file holds
            return timm.create_model(self.model)

    def truncate(self, network: "nn.Module", layer: str) -> "nn.Module":
        """Take the classifier away."""
        network.reset_classifier(0)  # type: ignore[operator]
        return network

    def published(self, weights: str, fetch: "Fetch") -> tuple[Mapping[str, "Tensor"], str]:
        """The weights that timm downloads for this name, pinned to the revision that their repository has now."""
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
        except Exception as error:  # of whatever carries the download
            raise L2HError(
                f"timm's weights of {self.model} cannot be had from {place} ({type(error).__name__}: "
                f"{str(error).splitlines()[0]}); fetch its model.safetensors by hand, and set weights to that path"
            ) from error
        return network.state_dict(), f"timm {timm.__version__}, {place}"

    def side(self, asked: int | None) -> int:
        """As for every backbone; some models take images of one size alone."""
        if asked not in (None, self.input_size) and self._pretrained.get("fixed_input_size"):
            raise L2HError(
                f"input_size: {asked}: timm:{self.model} takes {self.input_size} alone; set that, or leave the key out"
            )
        return super().side(asked)


@cache
def _architectures() -> frozenset[str]:
    """Names of timm's models, which register as timm is imported: what its sources decorate."""
    spec = find_spec("timm")
    assert spec is not None  # by `check_packages`
    assert spec.origin is not None  # it is no namespace
    sources = (path.read_text(encoding="utf-8") for path in Path(spec.origin).parent.glob("models/*.py"))
    return frozenset(name for text in sources for name in re.findall(r"^@register_model\s+def (\w+)\(", text, re.M))
