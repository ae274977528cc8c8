"""As much of Kubernetes as its executor plug-in asks for: an API on loopback, and processes in place of containers.

A pod's command runs among the machine's own files, which stand for its image, with volumes mounted at their paths, some
folders of the submitter's hidden, no network, and processes that die together. There is no image, no scheduler, no
kernel that enforces limits, and nobody has to log in. What the API refuses, in what words, follows Kubernetes' source.
"""

import http.server
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

# Arguments: a folder to build the root in, where to work, how many mounts, each one's path and folder, then a command.
MOUNTED = """
set -e
root=$1 where=$2 mounts=$3; shift 3
mount -t tmpfs tmpfs "$root"
for entry in /*; do
  if [ -L "$entry" ]; then cp -P "$entry" "$root$entry"
  elif [ -d "$entry" ]; then mkdir "$root$entry"; mount --rbind "$entry" "$root$entry"
  fi
done
while [ "$mounts" -gt 0 ]; do
  mkdir -p "$root$1"; mount --bind "$2" "$root$1"; shift 2; mounts=$((mounts - 1))
done
exec unshare --root="$root" sh -c 'cd "$0"; exec "$@"' "$where" "$@"
"""
NAMESPACES = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
PATH = re.compile(r"/(?:api|apis/batch)/v1/namespaces/([^/]+)/(secrets|jobs|pods)(?:/([^/]+?))?(?:/(status|log))?")
QUANTITY = re.compile(r"\d+[mM]?")
KILLED = 137


def missing() -> str:
    """Why there can be no pods here; empty if there can."""
    if os.geteuid() != 0:
        return "mounts of a pod's own take root"
    if shutil.which("unshare") is None:
        return "no pods: unshare is not installed (Debian: apt-get install util-linux)"
    done = subprocess.run(
        [*NAMESPACES, "--net", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], text=True, capture_output=True
    )
    return f"no pods: {done.stderr.strip()}" if done.returncode else ""


def mounted(command: list[str], root: Path, where: str, mounts: dict[str, Path], network: bool = True) -> list[str]:
    """A command line that runs another with folders mounted at paths that the machine need not have."""
    root.mkdir(parents=True)
    pairs = [str(part) for pair in mounts.items() for part in pair]
    isolated = NAMESPACES if network else [*NAMESPACES, "--net"]
    return [*isolated, "sh", "-c", MOUNTED, "sh", str(root), where, str(len(mounts)), *pairs, *command]


class RefusedError(Exception):
    """A request that Kubernetes would not grant, with the HTTP status."""


class Job:
    """A job and its only pod."""

    def __init__(self, namespace: str, body: dict, folder: Path):
        self.namespace, self.name, self.folder = namespace, body["metadata"]["name"], folder
        self.pod = body["spec"]["template"]["spec"]
        (self.container,) = self.pod["containers"]
        self.rule = re.search(r"--allowed-rules (\w+)", self.container["args"][1])[1]
        self.log = folder / "log"
        self.process: subprocess.Popen | None = None
        self.code: int | None = None
        self.deleted = False

    def check(self) -> None:
        """What the API checks of resources when a job is made."""
        amounts = self.container["resources"]
        limits = amounts.get("limits", {})
        for name, amount in [*amounts["requests"].items(), *limits.items()]:
            if not QUANTITY.fullmatch(amount):
                raise RefusedError(400, f"quantities must match the regular expression: {name}: {amount}")
            if "/" in name and limits.get(name) != amount:
                raise RefusedError(422, f"{name}: Limit must be set for non overcommitable resources")

    def mounts(self, claims: dict[str, Path]) -> dict[str, Path]:
        folders = {}
        for volume in self.pod["volumes"]:
            claim = volume.get("persistentVolumeClaim")
            folders[volume["name"]] = claims[claim["claimName"]] if claim else self.folder / volume["name"]
            folders[volume["name"]].mkdir(parents=True, exist_ok=True)
        return {mount["mountPath"]: folders[mount["name"]] for mount in self.container["volumeMounts"]}

    def state(self) -> dict:
        if self.code is None:
            return {"running": {}} if self.process else {"waiting": {"reason": "ContainerCreating"}}
        reason = {0: "Completed", KILLED: "OOMKilled"}.get(self.code, "Error")
        return {"terminated": {"exitCode": self.code, "reason": reason}}

    def described(self) -> dict:
        status = {"active": 1} if self.code is None else {"failed": 1} if self.code else {"succeeded": 1}
        return {"metadata": {"name": self.name}, "status": status}

    def described_pod(self) -> dict:
        container = {"name": "snakemake", "image": "", "imageID": "", "ready": False, "restartCount": 0}
        status = {"containerStatuses": [{**container, "state": self.state()}]}
        return {"metadata": {"name": f"{self.name}-pod"}, "status": status}


class Cluster:
    """Keeps all `jobs` there were, in the order of their submission.

    Parameters
    ----------
    claims : a folder for each persistent volume claim
    hidden : folders of this machine that pods do not see
    image : the environment that the image sets
    lost : what befalls the first job of a rule: "deleted", or "killed" for its memory once it has said something
    """

    def __init__(
        self,
        folder: Path,
        *,
        claims: dict[str, Path],
        hidden: list[Path],
        image: dict[str, str],
        lost: dict[str, str],
    ):
        self.folder, self.claims, self.hidden, self.image, self.lost = folder, claims, hidden, image, dict(lost)
        self.jobs: list[Job] = []
        self.secrets: set[str] = set()
        self.node = threading.Semaphore(2)  # pods at a time
        self.empty = folder / "empty"
        self.empty.mkdir(parents=True)

    def answer(self, method: str, path: str, query: dict[str, str], body: dict) -> dict | str:
        """What the API says; raises RefusedError."""
        namespace, kind, name, part = PATH.fullmatch(path).groups()
        if kind == "secrets":
            (self.secrets.add if method == "POST" else self.secrets.remove)(name or body["metadata"]["name"])
            return {}
        if method == "POST":
            return self.submit(Job(namespace, body, self.folder / str(len(self.jobs))))
        there = [job for job in self.jobs if job.namespace == namespace and not job.deleted]
        if kind == "pods" and name is None:
            return {"items": [job.described_pod() for job in there if query["labelSelector"] == f"job-name={job.name}"]}
        found = [job for job in there if job.name == name.removesuffix("-pod")]
        if not found:
            raise RefusedError(404, f'{kind} "{name}" not found')
        if method == "DELETE":
            return self.delete(found[0]) if kind == "jobs" else {}
        if part == "log" and query.get("previous", "").lower() == "true":
            raise RefusedError(400, f'previous terminated container "snakemake" in pod "{name}" not found')
        return found[0].log.read_text() if part == "log" else found[0].described()

    def submit(self, job: Job) -> dict:
        job.check()
        self.jobs.append(job)
        threading.Thread(target=self.run, args=[job], daemon=True).start()
        return job.described()

    def delete(self, job: Job) -> dict:
        job.deleted = True
        if job.process:
            job.process.kill()
        return {}

    def run(self, job: Job) -> None:
        with self.node:
            if job.deleted:
                return
            mounts = {**{str(path): self.empty for path in self.hidden}, **job.mounts(self.claims)}
            command = job.container["command"] + job.container["args"]
            isolated = mounted(command, job.folder / "root", job.container["workingDir"], mounts, network=False)
            with job.log.open("w") as log:
                job.process = subprocess.Popen(isolated, stdout=log, stderr=log, env=self.image)
            if fate := self.lost.pop(job.rule, None):
                job.deleted = fate == "deleted"
                while not job.deleted and job.process.poll() is None and not job.log.read_text():
                    time.sleep(0.1)
                job.process.kill()
            code = job.process.wait()
            job.code = KILLED if code < 0 else code


@contextmanager
def served(cluster: Cluster) -> Iterator[Path]:
    """The API of a cluster, by a kubeconfig file; its pods end with it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            try:
                status, said = 200, cluster.answer(self.command, url.path, query, json.loads(body or "{}"))
            except RefusedError as error:
                status, said = error.args
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(said, str) else "application/json")
            self.end_headers()
            self.wfile.write((said if isinstance(said, str) else json.dumps(said)).encode())

        def log_message(self, *args: object) -> None:
            pass

    Handler.do_POST = Handler.do_DELETE = Handler.do_GET
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    name = {"name": "test"}
    address = f"http://127.0.0.1:{server.server_port}"
    known = {"clusters": [{**name, "cluster": {"server": address}}], "users": [{**name, "user": {}}]}
    context = {"contexts": [{**name, "context": {"cluster": "test", "user": "test"}}], "current-context": "test"}
    config = cluster.folder / "kubeconfig"
    config.write_text(json.dumps({**known, **context}))  # which is YAML too
    try:
        yield config
    finally:
        for job in cluster.jobs:
            cluster.delete(job)
        server.shutdown()
        server.server_close()
