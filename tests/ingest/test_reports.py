import numpy as np
import pandas as pd
import pytest
from small_study import run_stage

from lungfuse.datasets import Category, Collection, Number
from lungfuse.errors import UserError
from lungfuse.tables.ingest import SECTIONS, rejected_table


class Clinic:
    """A dataset module that finds three X-rays of two patients; `values` are those of its structured columns."""

    REPORT_FILES, DOWNLOADS = ["studies.csv"], {}
    values, COLUMNS, SECTIONS = pd.DataFrame(), {}, []

    def __init__(self, **columns):
        self.columns = columns

    def read_reports(self, raw):
        ids = ["1", "2", "3"]
        table = pd.DataFrame({"report_id": ids, "image_id": ids, "patient": ["a", "b", "b"], "view": "Frontal"})
        table = table.assign(site="", major="healthy", automatic="", **dict.fromkeys(SECTIONS, "Clear."))
        table = table.assign(**self.columns)
        return Collection(table, table, rejected_table([]), self.values)


class Ward(Clinic):
    """A clinic that knows age and smoking of two of its patients, and has a section of its own."""

    COLUMNS, SECTIONS = {"age": Number("years"), "smokes": Category()}, ["history"]
    values = pd.DataFrame({"report_id": ["3", "1"], "age": [" 61.5", ""], "smokes": ["no", "yes"]})


class Scanner(Ward):
    """A ward that also says which device was used, for audits alone."""

    COLUMNS = Ward.COLUMNS | {"maker": Category(audit=True), "dose": Number("mGy", audit=True)}
    values = Ward.values.assign(maker=["A", ""], dose=["0.2", "0.1"])


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Run the stage on a clinic; gives the table of reports."""

    def run(dataset=Clinic, **columns):
        monkeypatch.setattr("lungfuse.ingest.reports.load_dataset", lambda name, table=None: dataset(**columns))
        names = ["reports", "views", "values", "value_columns", "rejected_reports"]
        files = {name: tmp_path / f"{name}.csv" for name in names}
        run_stage("reports", dataset="clinic", raw=tmp_path, **files, audited=tmp_path / "audited.csv")
        return pd.read_csv(files["reports"], dtype=str)

    return run


def test_a_report_without_a_patient_is_one_of_a_patient_of_its_own(read, capsys):
    assert read(patient=["a", "", " "])["patient"].tolist() == ["a", "2", "3"]
    assert "2 of 3 reports name no patient: each is taken for a patient of its own" in capsys.readouterr().out


def test_columns_that_no_table_has_are_reported(read, capsys):
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
def test_a_table_of_a_dataset_that_does_not_fit_is_blamed_on_the_dataset(read, tmp_path, columns, message):
    with pytest.raises(UserError, match=rf"^dataset clinic, {message}.* Fix lungfuse/datasets/clinic\.py or the raw"):
        read(**columns)
    assert list(tmp_path.iterdir()) == []


def test_structured_values_stand_in_the_order_of_the_reports_with_their_kinds_and_units(read, tmp_path):
    assert read(Ward, history="Smoker.")["history"].tolist() == ["Smoker."] * 3
    values = (tmp_path / "values.csv").read_text().splitlines()
    assert values == ["report_id,age,smokes", "1,,yes", "2,,", "3,61.5,no"]
    kinds = (tmp_path / "value_columns.csv").read_text().splitlines()
    assert kinds == ["name,kind,unit", "age,number,years", "smokes,category,"]


def test_a_clinic_without_columns_has_no_values(read, tmp_path):
    read()
    assert (tmp_path / "values.csv").read_text().splitlines() == ["report_id", "1", "2", "3"]
    assert (tmp_path / "value_columns.csv").read_text() == "name,kind,unit\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": Ward.values.assign(age=["old", ""])}, "dataset clinic, the table Values of read_reports: column "
         r"age, report 3: found 'old', expected a number in years of at most 1e\+30, or nothing where it is missing"),
        ({"values": Ward.values.assign(age=["inf", ""])}, "column age, report 3: found 'inf', expected a number"),
        ({"values": Ward.values.drop(columns="age")}, "the table Values of read_reports: no column age; found"),
        ({"values": pd.DataFrame()}, "no column report_id, age, smokes"),
        ({"values": Ward.values.assign(report_id="1")}, "column report_id, row 0: found '1', expected no value twice"),
        ({"SECTIONS": ["anamnesis"]}, "the table Reports of read_reports: no column anamnesis; found"),
        ({"SECTIONS": ["text"]}, r"datasets/clinic\.py: SECTIONS: found 'text', expected .* none of .*text"),
        ({"COLUMNS": {"Age": Number("years")}}, "COLUMNS: found 'Age', expected small letters"),
        ({"COLUMNS": {"age": "years"}}, r'COLUMNS: age: found \'years\', expected Number\("<unit>"\) or Category'),
    ],
)  # fmt: skip
def test_columns_and_sections_that_do_not_fit_what_is_declared_are_reported(read, tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        read(type("Broken", (Ward,), change), history="")
    assert list(tmp_path.iterdir()) == []


def test_numbers_and_missing_values_of_a_dataset_that_parses_its_table_are_taken(read, tmp_path):
    read(type("Parsed", (Ward,), {"values": Ward.values.assign(age=[61.5, np.nan])}), history="")
    assert (tmp_path / "values.csv").read_text().splitlines()[1:] == ["1,,yes", "2,,", "3,61.5,no"]


def test_columns_for_audits_stand_apart_from_those_that_models_read(read, tmp_path):
    read(Ward, history="")
    plain = [(tmp_path / name).read_text() for name in ["values.csv", "value_columns.csv"]]
    assert not (tmp_path / "audited.csv").exists()
    read(Scanner, history="")
    assert [(tmp_path / name).read_text() for name in ["values.csv", "value_columns.csv"]] == plain
    assert (tmp_path / "audited.csv").read_text().split() == ["report_id,maker,dose", "1,,0.1", "2,,", "3,A,0.2"]
