"""How long it takes from an unzipped folder to a study: a table of 1,000 drawn cases with images, notes and values.

python benchmarks/init.py [--cases 1000] [--side 512] [--verdict] [--autogluon PYTHON]

`lungfuse init` with and without its data check and, with `--verdict`, the workflow from there to verdict.csv with the
models that `init` chooses. The project is a fresh copy, so that nothing is made or compiled before. `--autogluon` is
the Python of an environment with autogluon.tabular: it fits the columns and notes of the same table with its defaults,
once, on four fifths of the patients. It reads no image, and compares nothing.
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
STUDY = "clinic"
AUTOGLUON = """
import sys
import pandas as pd
from autogluon.tabular import TabularPredictor

table = pd.read_csv(sys.argv[1])
held_out = table.index >= 0.8 * len(table)  # the cases of a patient follow each other
columns = table.drop(columns=["patient", "file"])
predictor = TabularPredictor("diagnosis", eval_metric="roc_auc", path=sys.argv[2], verbosity=0).fit(columns[~held_out])
print("AutoGluon:", predictor.evaluate(columns[held_out])["roc_auc"], "AUROC on one fifth", file=sys.stderr)
"""
WORDS = ["clear", "dense", "left", "right", "lower", "upper", "lobe", "small", "large", "shadow", "heart", "fluid"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--side", type=int, default=512, help="of the images, in pixels")
    parser.add_argument("--verdict", action="store_true", help="run the study")
    parser.add_argument("--autogluon", type=Path, help="the Python of an environment with autogluon.tabular")
    arguments = parser.parse_args()
    cases = arguments.cases
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "lungfuse"
        copy_project(project)
        draw(project / "clinic", cases, arguments.side)
        print(f"{cases:,} cases, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        init = [sys.executable, "-m", "lungfuse", "init"]
        init += ["--name", STUDY, "--table", "clinic/cases.csv", "--images", "clinic/images"]
        commands = {"looking and writing": [*init, "--no-check"], "the same and the data check": [*init, "--replace"]}
        if arguments.verdict:
            run = ["snakemake", "--cores", str(os.cpu_count()), "--config", f"study={STUDY}", "--"]
            commands["the workflow to its verdict"] = [*run, f"results/{STUDY}/verdict.csv"]
        if arguments.autogluon:
            fit = [str(arguments.autogluon), "-c", AUTOGLUON, "clinic/cases.csv", str(Path(folder) / "autogluon")]
            commands["AutoGluon on columns and notes"] = fit
        for what, command in commands.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds = timed(project, command)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(f"{what:30} {seconds:6.1f} s, {worked:6.1f} s of processor time", flush=True)
        if arguments.verdict:
            verdict = pd.read_csv(project / f"results/{STUDY}/verdict.csv")
            print(verdict[["inputs", "gain", "gain_low", "gain_high", "word"]].to_string(index=False))


def copy_project(project: Path) -> None:
    for file in subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0"):
        if file and (ROOT / file).is_file():
            (project / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, project / file)


def draw(folder: Path, cases: int, side: int) -> None:
    """A table and its images of `side` pixels a side, two cases a patient."""
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
        small.resize((side, side)).save(folder / "images" / file)


def timed(project: Path, command: list[str]) -> float:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    source = {"PYTHONPATH": str(project / "workflow")} if command[0] in (sys.executable, "snakemake") else {}
    start = time.monotonic()
    subprocess.run(
        command, cwd=project, check=True, stdout=subprocess.DEVNULL,
        env=os.environ | source | {"PATH": path},
    )  # fmt: skip
    return time.monotonic() - start


if __name__ == "__main__":
    main()
