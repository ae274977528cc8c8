"""A Slurm cluster of one node, this machine, with a fake GPU: own ports on loopback, all files in one folder."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
# Where Slurm looks without SLURM_CONF, which the executor plug-in takes from the environment of its job steps.
CONF = Path("/etc/slurm/slurm.conf")
NAME = "l2h-test"
KILL_WAIT = 10  # seconds from a cancelled job's SIGTERM to its SIGKILL; Slurm's default is 30
CONFIG = """
ClusterName={name}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
PlugStackConfig={folder}/plugstack.conf
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
MinJobAge=86400
KillWait={kill_wait}
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=100000 Gres=gpu:1 State=UNKNOWN
PartitionName=cpu Nodes=ALL Default=YES State=UP
PartitionName=gpu Nodes=ALL State=UP
"""


def missing() -> str:
    """The reason why no cluster can run here; empty if one can."""
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    if lacking:
        packages = "slurmctld slurmd slurm-client munge"
        return f"no Slurm: {', '.join(lacking)} not installed (Debian: apt-get install {packages})"
    if os.geteuid() != 0:
        return "a Slurm cluster of its own takes root"
    if CONF.exists() or CONF.is_symlink():
        return f"{CONF} is there: this machine has a cluster already"
    return ""


def left_over() -> list[tuple[int, str]]:
    """Processes of the cluster's jobs that still run: id and command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(ProcessLookupError, FileNotFoundError, PermissionError):
            if f"SLURM_CLUSTER_NAME={NAME}".encode() in (path / "environ").read_bytes().split(b"\0"):
                found.append((int(path.name), (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
    return found


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Cluster:
    """A cluster that runs inside its `with` block."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.processes: list[subprocess.Popen] = []

    def __enter__(self) -> "Cluster":
        host = socket.gethostname().partition(".")[0]
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o700)
        key = self.folder / "munge.key"
        key.touch(0o600)
        key.write_bytes(os.urandom(128))
        conf = self.folder / "slurm.conf"
        conf.write_text(
            CONFIG.format(
                name=NAME, host=host, ports=free_ports(2), folder=self.folder, cores=os.cpu_count(), kill_wait=KILL_WAIT
            )
        )
        (self.folder / "gres.conf").write_text(f"NodeName={host} Name=gpu File=/dev/zero\n")
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        (self.folder / "plugstack.conf").touch()
        CONF.parent.mkdir(exist_ok=True)
        CONF.symlink_to(conf)
        try:
            munge = [f"--{what}-file={self.folder}/munge.{what}" for what in ("key", "pid", "log", "seed")]
            self.start("munged", "--foreground", "--force", f"--socket={self.folder}/munge.socket", *munge)
            self.wait_for((self.folder / "munge.socket").exists)
            self.start("slurmctld", "-D", "-i")
            self.start("slurmd", "-D", "-N", host)
            self.wait_for(lambda: self.ask("sinfo", "-h", "-o", "%T", "-p", "cpu") == "idle")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if len(self.processes) == 3:
                self.ask("scancel", "--user=root")
                self.wait_for(lambda: self.ask("squeue", "-h") == "")
        finally:
            for process in reversed(self.processes):
                process.terminate()
                process.wait(30)
            CONF.unlink()
            for pid, command in left_over():
                print(f"killed {pid}, a job of the cluster that had outlived it: {command[:200]}", file=sys.stderr)
                os.kill(pid, signal.SIGKILL)

    def start(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.out").open("w") as out:
            environment = {**os.environ, "SLURM_CONF": f"{self.folder}/slurm.conf"}
            self.processes.append(subprocess.Popen([program, *arguments], stdout=out, stderr=out, env=environment))

    def wait_for(self, condition: Callable[[], bool], seconds: int = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            said = "\n".join(path.read_text()[-1000:] for path in self.folder.glob("*.out"))
            assert time.monotonic() < end, said
            time.sleep(0.2)

    def ask(self, *command: str) -> str:
        """The output of a Slurm command; empty if it fails."""
        return subprocess.run(command, text=True, capture_output=True, timeout=60).stdout.strip()

    def jobs(self) -> list[dict[str, str]]:
        """All jobs in the order of submission, with Slurm's record of each."""
        lines = self.ask("scontrol", "show", "job", "-o").splitlines()
        jobs = [dict(pair.split("=", 1) for pair in line.split() if "=" in pair) for line in lines if "JobId=" in line]
        return sorted(jobs, key=lambda job: int(job["JobId"]))

    def cancel_one(self, name: str, once: Callable[[], bool]) -> threading.Thread:
        """Cancel the running job whose comment has this name in it, once something is so."""

        def cancel() -> None:
            running: list[str] = []
            while not running and self.processes[-1].poll() is None:
                time.sleep(0.2)
                jobs = [job for job in self.jobs() if job["JobState"] == "RUNNING"] if once() else []
                running = [job["JobId"] for job in jobs if name in job.get("Comment", "")]
            self.ask("scancel", *running[:1])

        thread = threading.Thread(target=cancel)
        thread.start()
        return thread
