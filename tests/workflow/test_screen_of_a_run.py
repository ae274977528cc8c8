"""The lines that a run with the local profile prints."""

import subprocess
import sys

from workspace import ROOT


def test_the_local_profile_prints_a_line_per_job(tmp_path):
    (tmp_path / "Snakefile").write_text(
        'rule all:\n    output: "a"\n    message: "the one job"\n    shell: "touch a"\n'
    )
    command = [sys.executable, "-m", "snakemake", "--profile", ROOT / "profiles/local", "--cores", "1"]
    done, dry = (
        subprocess.run([*command, *more], cwd=tmp_path, text=True, capture_output=True, timeout=300)
        for more in ([], ["--dry-run", "--forceall"])
    )
    assert done.returncode == 0, done.stderr
    assert "[0 of 1 done] the one job\n" in done.stderr
    assert "jobid" not in done.stderr
    assert "Job 0: the one job" in dry.stdout + dry.stderr
