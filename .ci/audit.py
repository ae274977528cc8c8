"""Look the locked packages up among known vulnerabilities; where these cannot be reached, say so and go on.

The exit code is 1 where a package has one, and where pip-audit fails in another way than for want of a network.
"""

import json
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements-dev.lock"  # holds all of requirements.lock
OFFLINE = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "ProxyError", "SSLError", "ServiceError")


def report(done: subprocess.CompletedProcess[str]) -> tuple[str, int]:
    """What pip-audit found, in words, and the exit code that it deserves."""
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        said = done.stderr.strip().splitlines()[-1:] or ["nothing"]
        if any(word in done.stderr for word in OFFLINE):
            return f"audit: not done, as the database cannot be reached ({said[0]})", 0
        return f"audit: pip-audit failed ({said[0]})", 1
    found = [(one, vulnerability) for one in packages for vulnerability in one.get("vulns", ())]
    if found:
        lines = (
            f"{one['name']} {one['version']}: {vulnerability['id']}, fixed in "
            f"{', '.join(vulnerability['fix_versions']) or 'no version yet'}"
            for one, vulnerability in found
        )
        return "\n".join(lines), 1
    known = sum("vulns" in one for one in packages)
    if not known:
        return f"audit: not done, as the database that was reached knows none of {len(packages)} packages", 0
    return f"audit: no known vulnerability in {known} of {len(packages)} packages; the rest is not in the database", 0


def main() -> int:
    """Run pip-audit on the lock, without installing anything."""
    options = ["--requirement", str(LOCK), "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    command = [sys.executable, "-m", "pip_audit", "--format", "json", *options]
    text, code = report(subprocess.run(command, text=True, capture_output=True))  # noqa: S603  (all of it stands above)
    print(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
