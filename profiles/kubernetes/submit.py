#!/usr/bin/env python3
"""Submit a job script as a Kubernetes job and print its name: submit.py THREADS MB MINUTES GPUS SCRIPT."""

import subprocess
import sys
from pathlib import Path
from string import Template

threads, megabytes, minutes, gpus, script = sys.argv[1:]
manifest = Template(Path(__file__).with_name("job.yaml").read_text(encoding="utf-8")).substitute(
    threads=threads, memory=f"{megabytes}M", seconds=int(minutes) * 60, gpus=gpus, script=script, folder=Path.cwd()
)
subprocess.run(["kubectl", "create", "--filename=-", "--output=name"], input=manifest, text=True, check=True)
