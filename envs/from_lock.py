"""Write envs/l2h.yaml, the workflow's conda environment, from requirements.lock: with the same pins."""

import re
from pathlib import Path

ENVS = Path(__file__).parent


def environment() -> str:
    """The environment's text."""
    lock = (ENVS.parent / "requirements.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^([\w.-]+==[^\s\\]+(?: ; [^\\\n]+?)?) \\$", lock, flags=re.MULTILINE)
    head = [
        "# Generated from requirements.lock by envs/from_lock.py; do not edit.",
        "# It does not contain l2h: Snakemake appends its own sys.path, which includes l2h, to that of every job.",
        "channels: [conda-forge, nodefaults]",
        "dependencies:",
        "  - python=3.11",
        "  - pip",
        "  - pip:",
    ]
    return "\n".join(head + [f'      - "{pin}"' for pin in pins]) + "\n"


if __name__ == "__main__":
    (ENVS / "l2h.yaml").write_text(environment(), encoding="utf-8")
