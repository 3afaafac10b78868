"""What this machine can do, and which part of it a job has."""

import os
import platform
import re
import resource
import socket
from datetime import datetime
from pathlib import Path

# The job's number, as Slurm, PBS, LSF and SGE give it.
BATCH_JOBS = {"Slurm": "SLURM_JOB_ID", "PBS": "PBS_JOBID", "LSF": "LSB_JOBID", "SGE": "JOB_ID"}

WORKFLOW_JOB = "LUNGFUSE_JOB"  # set where a rule of the workflow runs a stage
USAGE = re.compile(r"^took [\d.]+ s of processor time and (?P<MB>\d+) MB at most$", re.M)


def gpus(driver: Path = Path("/proc/driver/nvidia/gpus")) -> int:
    """How many GPUs the driver of NVIDIA shows on this machine, and the environment lets be seen."""
    count = len(list(driver.glob("*")))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return count if visible is None else min(count, len([one for one in visible.split(",") if one.strip()]))


def machine(driver: Path = Path("/proc/driver/nvidia/gpus"), processors: Path = Path("/proc/cpuinfo")) -> str:
    """The kind of this machine: its processor, the cores that this process may use, and the GPUs that it sees."""
    said = re.search(r"^model name\s*: (.+)$", processors.read_text(), re.M) if processors.exists() else None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    known = [path.read_text() for path in sorted(driver.glob("*/information"))[: gpus(driver)]]
    models = [found[1].strip() if (found := re.search(r"^Model:(.+)$", text, re.M)) else "GPU" for text in known]
    processor = said[1].strip() if said else platform.processor() or platform.machine()
    return ", ".join([processor, f"{cores} core{'s' if cores != 1 else ''}", *(models or ["no GPU"])])


def batch_job() -> str:
    """When and where a job of a cluster starts, and with which GPUs; empty where no cluster runs this."""
    jobs = [f"{cluster} job {os.environ[name]}" for cluster, name in BATCH_JOBS.items() if name in os.environ]
    if not jobs:
        return ""
    now, gpus = datetime.now().astimezone(), os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return f"{now.isoformat(timespec='seconds')}, {jobs[0]} on {socket.gethostname()}, GPUs: {gpus or 'none'}"


def usage() -> str:
    """Processor time and peak memory of this process, as `USAGE` reads them; of its children the largest counts."""
    own, children = (resource.getrusage(who) for who in [resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN])
    seconds = sum(used.ru_utime + used.ru_stime for used in [own, children])
    # The peak of getrusage is at least that of the process that has started this one; Linux gives it separately.
    status = Path("/proc/self/status")
    peak = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.M) if status.exists() else None
    kilobytes = max(int(peak[1]) if peak else own.ru_maxrss, children.ru_maxrss)
    return f"took {seconds:.1f} s of processor time and {kilobytes // 1000} MB at most"
