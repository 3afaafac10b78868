"""The dependencies of the processes that strangers reach: all are on a list with their versions, and none beside."""

import ast
import csv
import sys
import tomllib
from importlib.metadata import distribution, packages_distributions

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

BESIDE = ["markdown-it-py", "numpy", "pillow"]  # of the installation without its extra, which pages use
LICENCES = {
    "Apache-2.0 OR BSD-2-Clause", "BSD-3-Clause", "LGPL-3.0-only", "MIT", "MIT-CMU", "MPL-2.0", "PSF-2.0",
}  # fmt: skip


@pytest.fixture(scope="module")
def listed() -> dict[str, dict[str, str]]:
    with (ROOT / "deploy/dependencies.csv").open(encoding="utf-8", newline="") as stream:
        return {row["package"]: row for row in csv.DictReader(stream)}


def needed(names: list[str]) -> set[str]:
    """Distributions with all that they need on this platform."""
    found, left = set(), [Requirement(name) for name in names]
    seen = set()
    while left:
        asked = left.pop()
        name = canonicalize_name(asked.name)
        if (name, *sorted(asked.extras)) in seen:
            continue
        seen.add((name, *sorted(asked.extras)))
        found.add(name)
        for each in map(Requirement, distribution(name).requires or []):
            if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in asked.extras | {""}):
                left.append(each)
    return found


def test_the_list_is_what_the_service_needs(listed):
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["service"]
    assert set(listed) == needed([*extra, *BESIDE])
    assert {row["licence"] for row in listed.values()} <= LICENCES and all(row["does"] for row in listed.values())


def test_the_versions_are_those_of_the_lock_and_of_the_installation(listed):
    locked = dict(line.strip().split("==") for line in (ROOT / "requirements.lock").read_text().splitlines() if line)
    locked = {canonicalize_name(name): version for name, version in locked.items()}
    versions = {name: row["version"] for name, row in listed.items()}
    assert versions == {name: locked[name] for name in listed}
    assert versions == {name: distribution(name).version for name in listed}


def test_what_web_process_and_bot_import_is_listed(listed):
    """All modules but those of `inference`, which the worker alone imports."""
    service = ROOT / "workflow/lungfuse_service"
    files = [path for path in service.rglob("*.py") if "inference" not in path.parts]
    trees = [ast.parse(path.read_text()) for path in [*files, ROOT / "workflow/lungfuse/imaging/dicom.py"]]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    tops = {name.partition(".")[0] for name in modules} - {"lungfuse", "lungfuse_service"} - sys.stdlib_module_names
    known = packages_distributions()
    imported = {canonicalize_name(known[top][0]) for top in tops}
    assert imported - set(listed) == set()
    assert {"django", "pillow", "python-telegram-bot"} <= imported
