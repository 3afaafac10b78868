"""From which files, by which code and on which machine the tables of a study were made."""

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from lungfuse import __version__
from lungfuse.commit import commit_in_words
from lungfuse.files import sha256
from lungfuse.hardware import machine
from lungfuse.tables.comparison import Provenance
from lungfuse.words import counted

TITLE, SECTION, ORDER = "Where the tables come from", "Settings and versions", 2
CAPTION = (
    "The data, code and machine behind the tables of this study. The machine is that of the scores; trainings name "
    "their own. `differs` quotes differs.txt in the folder of raw files: how they differ from the publisher's. A "
    "folder has the SHA-256 of its list, as of `find -L <folder> -type f | LC_ALL=C sort | xargs -d '\\n' sha256sum "
    "| sha256sum`."
)
WANTED = []
READS = ["raw_inputs", "raw_notes", "score_tables", "trained_settings"]
SETTINGS = ["name"]
TABLE = Provenance

PACKAGES = [
    "numpy", "pandas", "scikit-learn", "scipy", "torch", "lightning", "transformers", "keras", "tensorflow-cpu",
    "snakemake",
]  # fmt: skip
DEPTH = 4  # of data/raw/<folder>/<file or folder>


class Fact(NamedTuple):
    """A row of the table `Provenance`."""

    what: str
    name: str
    value: str
    sha256: str = ""


def compute(
    name: str,
    raw_inputs: list[Path],
    score_tables: list[Path],
    trained_settings: list[Path],
    raw_notes: list[Path],
) -> pd.DataFrame:
    """The table `Provenance`, of what lies here and of this machine, and of what trainings have recorded of theirs."""
    facts = [Fact("command", "", f"snakemake --config study={name}"), Fact("commit", "", commit_in_words())]
    facts += [*_versions(), Fact("machine", "scores", machine())]
    facts += [Fact("machine", "trainings", said) for said in _machines(trained_settings)]
    facts += [*_raw(raw_inputs), *_differences(raw_notes)]
    facts += [Fact("table", path.name, counted(path.stat().st_size, "byte"), sha256(path)) for path in score_tables]
    return pd.DataFrame(facts, columns=Fact._fields)


def _versions() -> Iterator[Fact]:
    yield Fact("version", "lungfuse", __version__)
    yield Fact("version", "python", platform.python_version())
    for package in PACKAGES:
        try:
            yield Fact("version", package, version(package))
        except PackageNotFoundError:  # a rule may have its own software
            continue


def _machines(trained_settings: list[Path]) -> list[str]:
    """Where networks were trained, and how many there."""
    found = [json.loads(path.read_text(encoding="utf-8")).get("machine") or "not recorded" for path in trained_settings]
    return [f"{said}: {counted(count, 'training')}" for said, count in sorted(Counter(found).items())]


def _raw(files: list[Path]) -> Iterator[Fact]:
    """What each raw file, or each folder of them, holds."""
    entries: dict[Path, list[Path]] = {}
    for path in files:
        entries.setdefault(Path(*path.parts[:DEPTH]), []).append(path)
    for entry, paths in sorted(entries.items()):
        size = counted(sum(path.stat().st_size for path in paths), "byte")
        if paths == [entry]:
            yield Fact("raw file", str(entry), size, sha256(entry))
        else:
            yield Fact("raw folder", str(entry), f"{counted(len(paths), 'file')}, {size}", sha256_of_list(paths))


def sha256_of_list(paths: list[Path]) -> str:
    """The SHA-256 of what sha256sum says of files, in the order of their paths."""
    said = "".join(f"{sha256(path)}  {path}\n" for path in sorted(paths, key=lambda path: str(path).encode()))
    return hashlib.sha256(said.encode()).hexdigest()


def _differences(notes: list[Path]) -> Iterator[Fact]:
    """What is said of how raw files differ from those of the publisher."""
    for path in notes:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip():
                yield Fact("differs", str(path.parent), line.strip())
