"""How long `lungfuse init` takes from an unzipped folder: a table of 1,000 drawn cases with images and notes.

python benchmarks/init.py [--cases 1000]

The project is a fresh copy, so that nothing is made or compiled before; the data check is part of it.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
WORDS = ["clear", "dense", "left", "right", "lower", "upper", "lobe", "small", "large", "shadow", "heart", "fluid"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    cases = parser.parse_args().cases
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "lungfuse"
        copy_project(project)
        draw(project / "clinic", cases)
        print(f"{cases:,} cases, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        for what, more in [("looking and writing", ["--no-check"]), ("the same and the data check", ["--replace"])]:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds = timed(project, more)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(f"{what:28} {seconds:5.1f} s, {worked:5.1f} s of processor time")


def copy_project(project: Path) -> None:
    for file in subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0"):
        if file and (ROOT / file).is_file():
            (project / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, project / file)


def draw(folder: Path, cases: int) -> None:
    """A table and its images of 512 pixels a side, two cases a patient."""
    rng = np.random.default_rng(0)
    ill = np.repeat(rng.random((cases + 1) // 2) < 0.5, 2)[:cases]
    (folder / "images").mkdir(parents=True)
    columns = {f"value{number}": (rng.normal(size=cases) + 0.2 * ill).round(3) for number in range(8)}
    notes = [f"Case {number}: {' '.join(rng.choice(WORDS, 12))}." for number in range(cases)]
    table = pd.DataFrame(
        {
            "patient": [f"p{number // 2:05}" for number in range(cases)],
            "file": [f"{number:05}.png" for number in range(cases)],
            "age": rng.integers(20, 90, cases),
            "sex": rng.choice(["F", "M"], cases),
            "notes": notes,
            "diagnosis": np.where(ill, "ill", "healthy"),
        }
        | columns
    )
    table.to_csv(folder / "cases.csv", index=False)
    for file in table["file"]:
        small = Image.fromarray(rng.integers(0, 255, (32, 32)).astype(np.uint8))
        small.resize((512, 512)).save(folder / "images" / file)


def timed(project: Path, more: list[str]) -> float:
    command = [sys.executable, "-m", "lungfuse", "init", "--table", "clinic/cases.csv", "--images", "clinic/images"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    start = time.monotonic()
    subprocess.run(
        [*command, *more], cwd=project, check=True, stdout=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(project / "workflow"), "PATH": path},
    )  # fmt: skip
    return time.monotonic() - start


if __name__ == "__main__":
    main()
