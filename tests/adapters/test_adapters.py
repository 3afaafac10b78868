"""What every adapter is asked for, and what is told when one is broken."""

import pytest

from lungfuse import adapters
from lungfuse.errors import UserError
from lungfuse.settings.params import load_studies


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """An adapter called `broken` beside those of the package."""
    folders = [*adapters.__path__, str(tmp_path)]
    monkeypatch.setattr(adapters, "__path__", folders)
    monkeypatch.setattr(adapters.__spec__, "submodule_search_locations", folders)
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
    assert adapters.mask_adapters() == ["broken", "montgomery", "nlm_tb", "table"]
    with pytest.raises(UserError, match=message):
        adapters.load_adapter("broken")


def test_an_unknown_adapter_is_told_with_those_there_are():
    with pytest.raises(UserError, match="found 'mimic', expected one of demo, montgomery, nlm_tb, openi, table"):
        adapters.load_adapter("mimic")


def test_every_adapter_has_columns_and_sections_of_its_own_or_none():
    declared = {name: adapters.load_adapter(name) for name in adapters.adapter_names()}
    assert {name: list(adapters.columns_of(adapter)) for name, adapter in declared.items()} == {
        "demo": ["age", "sex", "crp"], "montgomery": [], "nlm_tb": [], "table": [],
        "openi": ["age", "study_date", "pixel_spacing", "plate", "software", "photometric", "bits", "position"],
    }  # fmt: skip
    for_audits = {name for name, adapter in declared.items() if adapters.audit_columns_of(adapter)}
    assert for_audits == {"openi"} and "age" not in adapters.audit_columns_of(declared["openi"])
    assert not any(adapters.own_sections_of(adapter) for adapter in declared.values())
