"""Write envs/l2h.yaml, the workflow's conda environment, from requirements.lock: the same pins, literally."""

import re
from pathlib import Path

ENVS = Path(__file__).parent


def environment() -> str:
    """The environment's text."""
    lock = (ENVS.parent / "requirements.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^([\w.-]+==[^\s\\]+(?: ; [^\\\n]+?)?) \\$", lock, flags=re.MULTILINE)
    head = [
        "# Made from requirements.lock by envs/from_lock.py; do not edit.",
        "# l2h itself is not in it: Snakemake appends its own sys.path, where l2h is, to that of every job.",
        "channels: [conda-forge, nodefaults]",
        "dependencies:",
        "  - python=3.11",
        "  - pip",
        "  - pip:",
    ]
    return "\n".join(head + [f'      - "{pin}"' for pin in pins]) + "\n"


if __name__ == "__main__":
    (ENVS / "l2h.yaml").write_text(environment(), encoding="utf-8")
