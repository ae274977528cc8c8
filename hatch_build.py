"""Pack the workflow into the wheel. An editable install gets no copy of it, because it uses the checkout's files."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES = ("Snakefile", "config/quickstart.yaml", "envs/l2h.yaml", "profiles", "rules", "workflow")


class Workflow(BuildHookInterface):
    """Adds the workflow's files to a wheel, where `l2h.plan.workflow` looks for them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files, and where the wheel has them."""
        if version == "standard":
            build_data["force_include"] |= {name: f"l2h/_workflow/{name}" for name in FILES}
