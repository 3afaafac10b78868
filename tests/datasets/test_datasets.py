"""What every dataset is asked for, and what is said when one is broken."""

import pytest

from lungfuse import datasets
from lungfuse.errors import UserError
from lungfuse.plan.load import load_studies


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A dataset module called `broken` beside those of the package."""
    folders = [*datasets.__path__, str(tmp_path)]
    monkeypatch.setattr(datasets, "__path__", folders)
    monkeypatch.setattr(datasets.__spec__, "submodule_search_locations", folders)
    return tmp_path / "broken.py"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("MASK_FILES = []\nimport os\n\ndef read(:\n", r"broken\.py: line 4: SyntaxError: .*invalid syntax"),
        ("MASK_FILES = []\n\nimport nowhere_at_all\n", r"line 3: ModuleNotFoundError: .*nowhere_at_all"),
    ],
)
def test_a_broken_dataset_is_reported_where_it_is_used_and_harms_no_other(broken, params, code, message):
    broken.write_text(code)
    assert load_studies(params)
    assert datasets.mask_datasets() == ["broken", "montgomery", "nlm_tb", "table"]
    with pytest.raises(UserError, match=message):
        datasets.load_dataset("broken")


def test_an_unknown_dataset_is_reported_with_those_there_are():
    known = "brain_tumor_mri, demo, montgomery, nlm_tb, oasis1, openi, table"
    with pytest.raises(UserError, match=f"found 'mimic', expected one of {known}"):
        datasets.load_dataset("mimic")


def test_every_dataset_has_columns_and_sections_of_its_own_or_none():
    declared = {name: datasets.load_dataset(name) for name in datasets.dataset_names()}
    assert {name: list(datasets.columns_of(dataset)) for name, dataset in declared.items()} == {
        "demo": ["age", "sex", "crp"], "montgomery": [], "nlm_tb": [], "table": [],
        "brain_tumor_mri": ["published_split"], "oasis1": ["age", "sex", "education", "ses", "mmse"],
        "openi": ["age", "study_date", "pixel_spacing", "plate", "software", "photometric", "bits", "position"],
    }  # fmt: skip
    for_audits = {name for name, dataset in declared.items() if datasets.audit_columns_of(dataset)}
    assert for_audits == {"brain_tumor_mri", "openi"} and "age" not in datasets.audit_columns_of(declared["openi"])
    assert not any(datasets.own_sections_of(dataset) for dataset in declared.values())


def test_a_time_that_there_is_not_is_reported_with_where_it_is_said(broken):
    broken.write_text('SECTIONS_KNOWN = {"findings": "after_lunch"}\n')
    with pytest.raises(UserError, match=r"datasets/.*\.py: text findings: known: found 'after_lunch', expected one of"):
        datasets.known_of(datasets.load_dataset("broken"))
