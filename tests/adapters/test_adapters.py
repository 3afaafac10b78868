"""What every adapter is asked for, and what is told when one is broken."""

import pytest

from lungfuse import adapters
from lungfuse.errors import UserError
from lungfuse.settings.params import load_studies


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """An adapter called `broken` beside those of the package."""
    monkeypatch.setattr(adapters, "__path__", [*adapters.__path__, str(tmp_path)])
    return tmp_path / "broken.py"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("MASK_FILES = []\nimport os\n\ndef read(:\n", r"broken\.py: line 4: SyntaxError: .*invalid syntax"),
        ("MASK_FILES = []\n\nimport nowhere_at_all\n", r"line 3: ModuleNotFoundError: .*nowhere_at_all"),
    ],
)
def test_a_broken_adapter_is_told_where_it_is_used_and_harms_no_other(broken, params, code, message):
    broken.write_text(code)
    assert load_studies(params)
    assert adapters.mask_adapters() == ["broken", "montgomery", "nlm_tb"]
    with pytest.raises(UserError, match=message):
        adapters.load_adapter("broken")


def test_an_unknown_adapter_is_told_with_those_there_are():
    with pytest.raises(UserError, match="found 'mimic', expected one of montgomery, nlm_tb, openi"):
        adapters.load_adapter("mimic")
