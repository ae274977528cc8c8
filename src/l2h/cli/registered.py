"""`l2h methods`, `l2h datasets`, `l2h backbones`: list registered names and their parameters."""

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from importlib import import_module
from inspect import Parameter, cleandoc, signature
from math import inf
from typing import Any

import yaml

from l2h import plugins
from l2h.cli import command

# package of each registry, and the noun for its entries
KINDS = {
    "methods": ("hashing", "methods"),
    "datasets": ("datasets", "datasets"),
    "backbones": ("backbones", "backbones"),
}
EXAMPLES = {"methods": "itq", "datasets": "image_list", "backbones": "alexnet"}
NOT_PARAMS = ("bits", "random_state", "scope", "device", "sources")  # set by other keys of a config, or by none
FAMILY = "any model of this family, by name"


def add_to(commands: command.Commands) -> None:
    """Add the three commands."""
    for name, (_, words) in KINDS.items():
        examples = [f"l2h {name}", f"l2h {name} {EXAMPLES[name]}", f"l2h {name} --plugin my.py --json"]
        does = f"List the {words} that a config can name, or show the parameters of one."
        parser = command.add(commands, name, partial(run, name), does, examples, "the name is not registered")
        parser.add_argument("name", nargs="?", help="show only this one, in detail")
        command.add_plugin(parser)


def run(kind: str, arguments: Namespace) -> int:
    """Print the list, or the entry with the given name."""
    plugins.load(arguments.plugin)
    registry = import_module(f"l2h.{KINDS[kind][0]}").registry
    if arguments.name is None:
        entries = [{"name": name, "summary": _summary(registry, name)} for name in registry.names()]
        if arguments.json:
            command.print_json(entries)
        else:
            width = max(len(entry["name"]) for entry in entries)
            print("\n".join(f"{entry['name']:{width}}  {entry['summary']}" for entry in entries))
        return 0
    cls = registry.get(arguments.name)
    facts = {"parameters": parameters(cls), **_facts(arguments.name, cls)}
    if arguments.json:
        command.print_json({"name": arguments.name, "description": _doc(cls), **facts})
    else:
        print(
            "\n\n".join([arguments.name, _doc(cls), *(_lines(what, value) for what, value in facts.items() if value)])
        )
    return 0


def _doc(cls: type) -> str:
    """The docstring of the class, and those of the bases whose parameters it takes."""
    taken = parameters(cls).keys()
    bases = [base for base in cls.__mro__[1:] if parameters(base) and parameters(base).keys() <= taken]
    docs = (f"{base.__name__}: {cleandoc(base.__doc__ or '')}" for base in bases)
    return "\n\n".join([cleandoc(cls.__doc__ or ""), *docs])


def _summary(registry: Any, name: str) -> str:
    return FAMILY if name.endswith("<name>") else _doc(registry.get(name)).partition("\n")[0]


def parameters(cls: type) -> dict[str, Any]:
    """Parameters that `params` of a config may set, with their defaults; "needed" if there is no default."""
    known = signature(cls).parameters
    return {
        name: "needed" if one.default is Parameter.empty else one.default
        for name, one in known.items()
        if name not in NOT_PARAMS
    }


def _facts(name: str, cls: Any) -> dict[str, Any]:
    """Details of a class beyond its parameters, depending on its kind."""
    if hasattr(cls, "protocols"):
        lists = "the lists name the roles"
        return {"protocols": {key: asdict(how) if how else lists for key, how in cls.protocols.items()}}
    if hasattr(cls, "layers"):
        weights = [*cls.pretrained, "untrained"]
        starts = list(cls.starts) or "the first"
        return {
            "layers": list(cls.layers),
            "train_from": starts,
            "weights": weights,
            "licence of the weights": cls.licence,
        }
    return {"scopes": list(cls.scopes), "at scope full": _fullparameters(name, cls)}


def _fullparameters(name: str, cls: Any) -> dict[str, Any]:
    """Parameters that only scope full has, or has with another default."""
    from l2h.hashing import FULL
    from l2h.hashing.deep import full

    if FULL not in cls.scopes:
        return {}
    usual = parameters(cls)
    whole = full.make(name, bits=8).get_params()
    return {key: value for key, value in whole.items() if key not in NOT_PARAMS and usual.get(key, "none") != value}


def _lines(what: str, value: Mapping[str, Any] | list[str] | str) -> str:
    """A detail as text: its name, and a line for each of its values."""
    if isinstance(value, dict):
        return "\n".join([what, *(f"  {key} = {_words(one)}" for key, one in value.items())])
    return f"{what}: {value if isinstance(value, str) else ', '.join(value)}"


def _words(value: Any) -> str:
    """A value in the notation of a config."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(one)}" for key, one in value.items())
    return yaml.safe_dump([value], default_flow_style=True, width=inf).strip()[1:-1]
