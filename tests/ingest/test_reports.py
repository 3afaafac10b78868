import numpy as np
import pandas as pd
import pytest

from lungfuse.adapters import Collection
from lungfuse.errors import UserError
from lungfuse.ingest.reports import main
from lungfuse.tables.ingest import SECTIONS, rejected_table


class Clinic:
    """An adapter that finds three X-rays of two patients."""

    def __init__(self, **columns):
        self.columns, self.REPORT_FILES, self.DOWNLOADS = columns, ["studies.csv"], {}

    def read_reports(self, raw):
        ids = ["1", "2", "3"]
        table = pd.DataFrame({"report_id": ids, "image_id": ids, "patient": ["a", "b", "b"], "view": "Frontal"})
        table = table.assign(site="", major="healthy", automatic="", **dict.fromkeys(SECTIONS, "Clear."))
        table = table.assign(**self.columns)
        return Collection(table, table, rejected_table([]))


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Run the stage on a clinic; gives the table of reports."""

    def run(**columns):
        monkeypatch.setattr("lungfuse.ingest.reports.load_adapter", lambda name: Clinic(**columns))
        monkeypatch.setattr("lungfuse.ingest.download.load_adapter", lambda name: Clinic(**columns))
        names = ["reports", "views", "values", "value_columns", "rejected_reports"]
        files = {name: tmp_path / f"{name}.csv" for name in names}
        main(adapter="clinic", raw=tmp_path, **files)
        return pd.read_csv(files["reports"], dtype=str)

    return run


def test_a_report_without_a_patient_is_one_of_a_patient_of_its_own(read, capsys):
    assert read(patient=["a", "", " "])["patient"].tolist() == ["a", "2", "3"]
    assert "2 of 3 reports name no patient: each is taken for a patient of its own" in capsys.readouterr().out


def test_columns_that_no_table_has_are_told(read, capsys):
    read(diagnosis="healthy", file="1.png")
    assert "no table has, so they are left out: diagnosis, file" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"report_id": ["1", "1", "2"]}, "the table Reports of read_reports: column report_id, row 0: found '1', "
         "expected no value twice"),
        ({"findings": ["Clear.", np.nan, ""]}, "the table Reports of read_reports: column findings, row 1: found 'nan'"
         r", expected no missing value \(an empty cell is an empty text, not NaN\)"),
        ({"image_id": "1"}, "the table Views of read_reports: column image_id, row 0: found '1', expected no value"),
    ],
)  # fmt: skip
def test_a_table_of_an_adapter_that_does_not_fit_is_blamed_on_the_adapter(read, tmp_path, columns, message):
    with pytest.raises(UserError, match=rf"^adapter clinic, {message}.* Mend lungfuse/adapters/clinic\.py or the raw"):
        read(**columns)
    assert list(tmp_path.iterdir()) == []
