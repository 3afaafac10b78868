"""The web process stays small, and the workflow knows nothing of the service."""

import ast
import json
import os
import re
import subprocess
import sys

from conftest import ROOT
from django.core.management import call_command
from django.urls import get_resolver

WORKFLOW = ROOT / "workflow"
HEAVY = [
    "torch",
    "tensorflow",
    "keras",
    "transformers",
    "sklearn",
    "pandas",
    "matplotlib",
    "telegram",
    "lungfuse.predict",
]
SERVED = """
import json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "lungfuse_service.config.settings"
from lungfuse_service.config.wsgi import application
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
found = {path: Client(SERVER_NAME="localhost").get(path).status_code for path in sys.argv[1:]}
import lungfuse_service.predictions.tasks, lungfuse_service.jobs.tasks
print(json.dumps([found, [name for name in HEAVY if name in sys.modules]]))
"""


def test_the_web_process_imports_nothing_that_trains_or_predicts(tmp_path):
    code = SERVED.replace("HEAVY", repr(HEAVY))
    environment = os.environ | {"LUNGFUSE_SERVICE_FOLDER": str(tmp_path), "PYTHONPATH": str(WORKFLOW)}
    pages = [
        "/",
        "/verdicts",
        "/health",
        "/account/log-in",
        "/account/sign-up",
        "/api/",
        "/api/openapi.json",
        "/admin/login/",
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, *pages], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    answers, imported = json.loads(done.stdout)
    assert set(answers.values()) == {200}
    assert imported == []


def test_nothing_of_the_workflow_imports_the_service():
    files = [*(WORKFLOW / "lungfuse").rglob("*.py"), *(WORKFLOW / "scripts").glob("*.py")]
    importing = [str(path) for path in files if any(name.startswith("lungfuse_service") for name in imported(path))]
    assert len(files) > 100 and importing == []
    assert "lungfuse_service" not in "".join(path.read_text() for path in (WORKFLOW / "rules").glob("*.smk"))


def test_only_the_worker_imports_models():
    found = {}
    for path in (WORKFLOW / "lungfuse_service").rglob("*.py"):
        room = path.relative_to(WORKFLOW / "lungfuse_service").parts[0]
        found[room] = found.get(room, set()) | {name for name in imported(path) if name.startswith("lungfuse.")}
        assert room == "inference" or not any(name.startswith("lungfuse_service.inference") for name in imported(path))
    outside = {name for room, names in found.items() if room != "inference" for name in names}
    assert found["inference"] and outside == {"lungfuse.imaging.ambiguous", "lungfuse.imaging.dicom"}


def imported(path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
    return found


def test_every_address_has_a_view():
    assert len(get_resolver().reverse_dict) > 20


def test_migrations_follow_the_models():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_every_setting_of_the_environment_is_documented():
    read = re.compile(r"\b(?:text|number|switch)\(\"([A-Z_]+)\"")
    code = "".join(
        (WORKFLOW / "lungfuse_service/config" / name).read_text() for name in ["settings.py", "environment.py"]
    )
    known = (ROOT / "docs/service.md").read_text()
    names = set(read.findall(code))
    assert len(names) > 10
    assert {
        name for name in names if f"`LUNGFUSE_SERVICE_{name}`" not in known and f"`..._{name}`" not in known
    } == set()
