"""Location of the workflow's files: Snakefile, rules, scripts, profiles, conda environment, the quickstart's config."""

from pathlib import Path

import l2h

PACKED = "_workflow"  # their folder in the wheel's package


def folder() -> Path:
    """The folder that holds the Snakefile: in an installed wheel a folder of the package, else the checkout's root.

    Examples
    --------
    >>> from l2h.plan import workflow
    >>> (workflow.folder() / "Snakefile").is_file()
    True
    """
    package = Path(l2h.__file__).parent
    packed = package / PACKED
    return packed if packed.is_dir() else package.parents[1]
