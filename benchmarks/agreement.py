"""How long Snakemake and DVC take to see that the whole openi study has nothing to do.

python benchmarks/agreement.py

In a copy of the project every file of the study is a placeholder that both tools take for made, so the graph, its
settings and its code are the real ones and the files are not: hashing the real ones once is not part of this.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}
RUNS = 5
NOTHING_TO_DO = {
    "snakemake -n": "Nothing to be done",
    "snakemake --cores 2": "Nothing to be done",
    "dvc status": "up to date",
    "dvc repro": "up to date",
}
PLACEHOLDERS = """
import sys
from pathlib import Path
sys.path.insert(0, "workflow/scripts")
import dvc_graph
jobs = dvc_graph.jobs_of(dvc_graph.plan_of("openi"))
for file in [Path(file) for job in jobs for file in job.outputs]:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"placeholder of {file}")
print(len(jobs))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "lungfuse"
        jobs = make_finished_study(project)
        print(f"the openi study: {jobs} jobs, nothing to do, {os.cpu_count()} cores; median and slowest of {RUNS} runs")
        for command, answer in NOTHING_TO_DO.items():
            seconds = [timed(project, command, answer) for _ in range(RUNS)]
            print(f"{command:20} {statistics.median(seconds):5.1f} s {max(seconds):5.1f} s")


def make_finished_study(project: Path) -> int:
    """A copy of the project whose openi study both tools take for finished; returns the number of its jobs."""
    tracked = run(ROOT, "git ls-files -co --exclude-standard").splitlines()
    for file in tracked:
        (project / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, project / file)
    run(project, "git init -q")
    jobs = int(subprocess.check_output([sys.executable, "-c", PLACEHOLDERS], cwd=project, env=ENVIRONMENT))
    run(project, "snakemake --touch --forceall --cores 1")
    return jobs


def timed(project: Path, command: str, answer: str) -> float:
    begin = time.perf_counter()
    output = run(project, command)
    seconds = time.perf_counter() - begin
    if answer not in output:
        sys.exit(f"{command}: expected {answer!r}, found:\n{output}")
    return seconds


def run(folder: Path, command: str) -> str:
    done = subprocess.run(
        command.split(), cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stdout}")
    return done.stdout


if __name__ == "__main__":
    main()
