"""What Snakemake and DVC last agreed on in a study, and what there is now: see `dvc_sync`."""

import json
import sys
from pathlib import Path

import dvc_graph
import yaml
from dvc_stage import SHARED

from lungfuse.files import atomic_write

SNAKEMAKE = Path(".snakemake")
STATES = SNAKEMAKE / "dvc"


def state(study: str, outputs: list[str]) -> dict:
    """What there is to see without reading outputs: DVC's own files, and date and length of each output."""
    files = [file for stages in stage_files(study) for file in [stages, stages.with_suffix(".lock")]]
    texts = {str(file): file.read_text(encoding="utf-8", errors="replace") for file in files if file.exists()}
    return {"files": texts, "outputs": {output: signature(Path(output)) for output in outputs}}


def signature(path: Path) -> list[int] | None:
    """Date in nanoseconds and length in bytes, or nothing where there is no such file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return [found.st_mtime_ns, found.st_size]


def stage_files(study: str) -> list[Path]:
    """The files in which the stages of a study are written."""
    return [file for file in [dvc_graph.stage_file(study), SHARED] if file.exists()]


def read_stages(file: Path) -> dict[str, dict]:
    if not file.exists():
        return {}
    return yaml.load(file.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))["stages"]


def read_state(study: str) -> dict:
    try:
        found = json.loads(state_file(study).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_state(study: str, agreed: dict) -> None:
    with atomic_write(state_file(study)) as stream:
        json.dump(agreed, stream)


def state_file(study: str) -> Path:
    return STATES / f"{study}.json"


def say(message: str) -> None:
    print(f"dvc sync: {message}", file=sys.stderr)
