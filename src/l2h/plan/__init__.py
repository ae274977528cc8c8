"""The plan of a run: its cells, paths, dependencies and resources, derived from the config."""
