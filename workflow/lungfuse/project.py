"""The files of a new project: a Snakefile that runs the installed workflow, its settings and its cluster profiles."""

import re
import shutil
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from lungfuse.errors import UserError
from lungfuse.plan.names import PARAMS

PACKAGE = Path(__file__).resolve().parent
FIRST_STUDY = "demo"
SNAKEFILE = """from lungfuse.project import workflow_folder


include: workflow_folder() / "Snakefile"


localrules:
    default,


rule default:
    default_target: True
    input:
        rules.all.input,
"""
IGNORED = "/.snakemake/\n/data/\n/logs/\n/results/*/*\n!/results/*/metrics.json\n"


def workflow_folder() -> Path:
    """The folder `workflow` with the rules: of the clone that holds this package, or as installed with the wheel.

    Raises:
        UserError: the package was installed without them.
    """
    if (PACKAGE.parent / "Snakefile").is_file():
        return PACKAGE.parent
    try:
        installed = [file for file in files("lungfuse") or [] if file.parts[-2:] == ("workflow", "Snakefile")]
    except PackageNotFoundError:
        installed = []
    if not installed:
        raise UserError(
            f"{PACKAGE}: found no rules of the workflow beside it. Install lungfuse from its wheel or clone."
        )
    return Path(installed[0].locate()).resolve().parent


def make_project(folder: Path) -> list[Path]:
    """Write what a study needs into a folder: `Snakefile`, `params.yaml` with the synthetic study, profiles.

    Files that exist are kept.

    Returns:
        The files and folders that were written.

    Raises:
        UserError: a folder above is a project, so this one would be a second inside it.
    """
    for above in folder.resolve().parents:
        if (above / PARAMS).is_file() and (above / "Snakefile").is_file():
            raise UserError(f"{folder.resolve()}: is inside the project {above}. Run this command there.")
    source = workflow_folder().parent
    settings = only_first_study((source / PARAMS).read_text(encoding="utf-8"))
    made = []
    for name, text in {"Snakefile": SNAKEFILE, str(PARAMS): settings, ".gitignore": IGNORED}.items():
        if not (folder / name).exists():
            (folder / name).write_text(text, encoding="utf-8")
            made.append(Path(name))
    if not (folder / "profiles").exists():
        shutil.copytree(source / "profiles", folder / "profiles", ignore=shutil.ignore_patterns("__pycache__"))
        made.append(Path("profiles"))
    return made


def only_first_study(params: str) -> str:
    """The text of params.yaml with the synthetic study alone, selected."""
    head, _, studies = params.partition("\nstudies:\n")
    blocks = re.split(r"^(?=  [\w-]+:)", studies, flags=re.M)
    (first,) = [block for block in blocks if block.startswith(f"  {FIRST_STUDY}:")]
    head = re.sub(r"^# yaml-language-server.*\n", "", head)
    head = re.sub(r"^study: .*$", f"study: {FIRST_STUDY}", head, count=1, flags=re.M)
    return f"{head}\nstudies:\n{first.rstrip()}\n"
