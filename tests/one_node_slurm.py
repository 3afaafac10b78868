"""A Slurm cluster of this one machine with two pretended GPUs, for tests: real daemons, real jobs."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

PACKAGES = ["slurmctld", "slurmd", "slurm-client", "munge"]
CONFIGURATION = Path("/etc/slurm")  # where the commands of a job look, whatever its environment says
KEY = Path("/etc/munge/munge.key")
FILES = {
    "slurm.conf": """
        ClusterName=one-node
        SlurmctldHost={host}(127.0.0.1)
        SlurmUser=root
        SlurmdUser=root
        SlurmctldPort=16817
        SlurmdPort=16818
        StateSaveLocation={folder}/state
        SlurmdSpoolDir={folder}/spool
        SlurmctldPidFile={folder}/slurmctld.pid
        SlurmdPidFile={folder}/slurmd.pid
        SlurmctldLogFile={folder}/slurmctld.log
        SlurmdLogFile={folder}/slurmd.log
        SlurmdParameters=config_overrides
        ProctrackType=proctrack/linuxproc
        TaskPlugin=task/none
        JobAcctGatherType=jobacct_gather/none
        AccountingStorageType=accounting_storage/none
        SelectType=select/cons_tres
        SelectTypeParameters=CR_CPU_Memory
        GresTypes=gpu
        ReturnToService=2
        MinJobAge=300
        KillWait=5
        SchedulerParameters=sched_interval=2,batch_sched_delay=0
        NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=64000 Gres=gpu:2 State=UNKNOWN
        PartitionName=cpu Nodes={host} Default=YES MaxTime=INFINITE State=UP
        PartitionName=gpu Nodes={host} MaxTime=INFINITE State=UP
    """,
    # Terminals pass for devices, so that Slurm sets CUDA_VISIBLE_DEVICES as it does for real ones.
    "gres.conf": "NodeName={host} Name=gpu File=/dev/tty[0-1] Flags=nvidia_gpu_env",
    "cgroup.conf": "CgroupAutomount=no",
}

# Slurm has no accounting here, so Snakemake asks `squeue` for the state of jobs, and sooner than the profile has it.
PROFILE = "slurm-status-command: squeue\nslurm-init-seconds-before-status-checks: 1\n"
# The executor waits ten seconds longer each time that it sees no job ended.
EVERY_SECOND = """
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

RemoteExecutor.next_seconds_between_status_checks = property(lambda executor: 1, lambda executor, seconds: None)
"""


class NoSlurmError(Exception):
    """Why there can be no Slurm here."""


def install() -> None:
    """Install Slurm by apt where it is not there yet.

    Raises:
        NoSlurmError: this machine has a Slurm of its own, or none can be installed.
    """
    if foreign := [CONFIGURATION / name for name in FILES if (CONFIGURATION / name).exists()]:
        raise NoSlurmError(f"{foreign[0]} exists: this machine has a Slurm of its own, which is left alone")
    if os.geteuid() != 0:
        raise NoSlurmError("only root can install and start Slurm")
    if all(shutil.which(command) for command in ["slurmctld", "slurmd", "sbatch", "munged"]):
        return
    if not shutil.which("apt-get"):
        raise NoSlurmError("Slurm is not installed, and there is no apt-get to install it with")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in [["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]]:
        done = subprocess.run(["apt-get", "--quiet", *command], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise NoSlurmError(f"Slurm cannot be installed: {(done.stderr or done.stdout).strip().splitlines()[-1]}")


def use_in(project: Path) -> None:
    """Let the profile for Slurm that a copy of the project has ask this one."""
    for file, addition in {"profiles/slurm/config.yaml": PROFILE, "Snakefile": EVERY_SECOND}.items():
        with (project / file).open("a") as stream:
            stream.write(addition)


def start(folder: Path) -> None:
    """Start the daemons; their files are in `folder`."""
    host = socket.gethostname().split(".")[0]
    for name in ["state", "spool"]:
        (folder / name).mkdir()
    CONFIGURATION.mkdir(exist_ok=True)
    for name, text in FILES.items():
        lines = text.format(host=host, folder=folder, cpus=max(4, os.cpu_count())).strip().splitlines()
        (folder / name).write_text("\n".join(map(str.strip, lines)) + "\n")
        (CONFIGURATION / name).unlink(missing_ok=True)  # what a killed run has left
        (CONFIGURATION / name).symlink_to(folder / name)
    _start_munge()
    for daemon in [["slurmctld", "-c"], ["slurmd", "-N", host]]:
        subprocess.run(daemon, check=True)
    _wait_for(["sinfo", "--noheader", "--format=%T"], "idle")


def stop(folder: Path) -> None:
    """Stop the daemons and their jobs."""
    subprocess.run(["scancel", "--user=root"], timeout=30)
    for daemon in ["slurmd", "slurmctld"]:
        pid = folder / f"{daemon}.pid"
        if pid.exists():
            subprocess.run(["kill", pid.read_text().strip()])
    for name in FILES:
        (CONFIGURATION / name).unlink(missing_ok=True)


def _start_munge() -> None:
    """Start the daemon by which Slurm's daemons know each other, where none is running."""
    if not KEY.exists():
        KEY.write_bytes(os.urandom(1024))
        shutil.chown(KEY, "munge", "munge")
        KEY.chmod(0o400)
    Path("/run/munge").mkdir(exist_ok=True)
    shutil.chown("/run/munge", "munge", "munge")
    if subprocess.run(["munge", "--no-input"], capture_output=True).returncode:
        subprocess.run(["runuser", "--user", "munge", "--", shutil.which("munged") or "/usr/sbin/munged"], check=True)
    _wait_for(["munge", "--no-input"], "MUNGE")


def _wait_for(command: list[str], answer: str, seconds: float = 30) -> None:
    """Wait until a command gives an answer.

    Raises:
        TimeoutError: it has not.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        said = subprocess.run(command, capture_output=True, text=True)
        if answer in said.stdout:
            return
        time.sleep(0.2)
    raise TimeoutError(f"{' '.join(command)}: found {(said.stdout or said.stderr).strip()!r}, expected {answer!r}")
