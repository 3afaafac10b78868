"""Which commit the code is of, as far as Git knows."""

import subprocess
from pathlib import Path

from lungfuse import __version__
from lungfuse.words import listed

FOLDER = Path(__file__).resolve().parents[2]
DECIDING = ["Snakefile", "params.yaml", "workflow"]


def commit_in_words(folder: Path = FOLDER) -> str:
    """The commit that is checked out in a folder, and what of code and settings has been changed since; or why that is
    not known."""
    if folder == FOLDER and not (folder / "workflow").is_dir():
        return f"not recorded: lungfuse {__version__} is installed as a package"
    try:
        commit = _git(folder, "rev-parse", "HEAD").strip()
        changed = _git(folder, "diff", "--name-only", "HEAD", "--", *DECIDING).splitlines()
    except FileNotFoundError:
        return "not recorded: Git is not installed"
    except subprocess.CalledProcessError as error:
        return f"not recorded: {(error.stderr.strip() or 'Git fails').splitlines()[0]}"
    return f"{commit}, with changes in {listed(changed)}" if changed else commit


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True).stdout
