"""The tests of keras_on_torch.py, in a process in which Keras runs on PyTorch."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from lungfuse.encoders.networks import keras_applications
from lungfuse.errors import UserError

FILE = Path(__file__).with_name("keras_on_torch.py")
TESTS = re.findall(r"^def (test_\w+)", FILE.read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def outcome() -> str:
    """What pytest says of each of the tests."""
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-n", "0", "-p", "no:cacheprovider", str(FILE)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment).stdout


@pytest.mark.parametrize("name", TESTS)
def test_keras_on_torch(outcome, name):
    of_it = re.findall(rf"^(\w+) \S+::{name}\b.*$", outcome, re.MULTILINE)
    assert of_it and set(of_it) == {"PASSED"}, outcome


def test_a_process_has_one_backend(monkeypatch):
    loaded = SimpleNamespace(backend=SimpleNamespace(backend=lambda: "tensorflow"))
    monkeypatch.setitem(sys.modules, "keras", loaded)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(UserError, match="Keras runs on tensorflow in this process, expected torch"):
        keras_applications._keras.__wrapped__()
