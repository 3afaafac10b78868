"""Parts that a test adds to the package, such as a model or a way to train an encoder: each a file in a folder."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lungfuse import dependencies, models, registry


@pytest.fixture
def new_part(tmp_path, monkeypatch) -> Callable[[str, str, str], Path]:
    """Write the file of a part, for the test alone: `new_part("lungfuse.tuning", "lora", code)`."""
    added, extended = {}, []
    known = dependencies.source
    monkeypatch.setattr(dependencies, "source", lambda module: added.get(module) or known(module))
    caches = [registry._declared, dependencies.deciding, dependencies.imports]
    caches += [models.kind_of, models.kind_spec, models.model_spec]

    def write(package: str, name: str, code: str) -> Path:
        folder = tmp_path / "parts" / package
        folder.mkdir(parents=True, exist_ok=True)
        folders = importlib.import_module(package).__path__
        if str(folder) not in folders:
            folders.append(str(folder))
            extended.append((folders, str(folder)))
        added[f"{package}.{name}"] = folder / f"{name}.py"
        added[f"{package}.{name}"].write_text(code)
        return added[f"{package}.{name}"]

    yield write
    for folders, folder in extended:
        folders.remove(folder)
    for module in added:
        sys.modules.pop(module, None)
    for cached in caches:
        cached.cache_clear()
