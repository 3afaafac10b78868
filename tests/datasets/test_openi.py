import gzip
import re
import shutil

import pandas as pd
import pytest
from conftest import ROOT, png, truncate, write_kaggle, write_openi, xml_report

from lungfuse.datasets import _openi_tags, openi
from lungfuse.errors import UserError
from lungfuse.ingest.labels import matches
from lungfuse.plan.load import load_studies
from lungfuse.plan.plan import Plan
from lungfuse.settings.ingest import LabelRule
from lungfuse.settings.params import read_params
from lungfuse.stages import call

BIASES = openi.SOURCE.biases
BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'


def test_reports_are_read_in_numeric_order_with_their_images_and_views(tmp_path):
    reports = {
        "10": xml_report("CXR10", ["CXR10_IM-1-2001", "CXR10_IM-1-1001"], ["Lung/hypoinflation", "Opacity/lung"]),
        "9": xml_report("CXR9", [], findings="  Two\n  lines. "),
    }
    raw = write_openi(tmp_path, reports, [], frontal=["CXR10_IM-1-1001"])
    collection = openi.read_reports(raw)
    assert list(collection.reports["report_id"]) == ["CXR9", "CXR10"]
    assert list(collection.reports["major"]) == ["normal", "Lung/hypoinflation; Opacity/lung"]
    assert collection.reports["findings"][0] == "Two lines."
    assert collection.views.to_numpy().tolist() == [
        ["CXR10_IM-1-1001", "CXR10", "Frontal"],
        ["CXR10_IM-1-2001", "CXR10", ""],
    ]
    assert collection.rejected.to_numpy().tolist() == [
        ["image", "CXR10_IM-1-2001", "no projection in indiana_projections.csv"]
    ]


def test_study_1_repeats_its_number_in_the_archive_but_not_in_the_table(tmp_path):
    raw = write_openi(tmp_path, {"1": xml_report("CXR1", ["CXR1_1_IM-0001-4001"])}, [], frontal=["CXR1_IM-0001-4001"])
    (raw / "indiana_projections.csv").write_text("uid,filename,projection\n1,1_IM-0001-4001.dcm.png,Frontal\n")
    assert list(openi.read_reports(raw).views["view"]) == ["Frontal"]


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (xml_report("CXR2", [], findings="&c;", before=BOMB), "declares a document type"),
        (b"<eCitation><uId", "is not valid XML"),
        (b"", "is not valid XML"),
        (b"<eCitation/>", "has no uId"),
        (xml_report("CXR2", [""]), "names an image without id"),
    ],
)
def test_a_bad_report_is_rejected_by_name_and_the_others_are_read(tmp_path, xml, reason):
    raw = write_openi(tmp_path, {"1": xml_report("CXR1", []), "2": xml}, [], frontal=[])
    collection = openi.read_reports(raw)
    assert list(collection.reports["report_id"]) == ["CXR1"]
    ((what, name, found),) = collection.rejected.to_numpy()
    assert (what, name) == ("report", "ecgen-radiology/2.xml")
    assert reason in found


def test_an_outside_entity_is_not_read(tmp_path):
    (tmp_path / "secret").write_text("secret")
    outside = f'<!DOCTYPE x [<!ENTITY c SYSTEM "file://{tmp_path}/secret">]>'
    raw = write_openi(tmp_path, {"1": xml_report("CXR1", [], findings="&c;", before=outside)}, [], frontal=[])
    assert "declares a document type" in openi.read_reports(raw).rejected["reason"][0]


def test_a_report_without_mesh_is_kept_and_reported(tmp_path):
    raw = write_openi(tmp_path, {"1": xml_report("CXR1", [], major=[])}, [], frontal=[])
    collection = openi.read_reports(raw)
    assert list(collection.reports["major"]) == [""]
    assert collection.rejected.to_numpy().tolist() == [
        ["report", "CXR1", "no major MeSH heading: it belongs to no class"]
    ]


def test_an_image_named_by_two_reports_belongs_to_the_first(tmp_path):
    reports = {"1": xml_report("CXR1", ["CXR1_a"]), "2": xml_report("CXR2", ["CXR1_a"])}
    collection = openi.read_reports(write_openi(tmp_path, reports, [], frontal=["CXR1_a"]))
    assert collection.views.to_numpy().tolist() == [["CXR1_a", "CXR1", "Frontal"]]
    assert collection.rejected.to_numpy().tolist() == [["image", "CXR1_a", "named 2 times; the first is used"]]


def test_a_projections_table_without_a_column_is_reported(tmp_path):
    raw = write_openi(tmp_path, {"1": xml_report("CXR1", [])}, [], frontal=[])
    (raw / "indiana_projections.csv").write_text("uid,file\n1,a\n")
    with pytest.raises(
        UserError,
        match=r"indiana_projections\.csv: no column filename, projection; found uid, file\. Expected .* https://www\.kaggle\.com",
    ):
        openi.read_reports(raw)


def test_a_missing_projections_table_is_reported_with_its_page(tmp_path):
    raw = write_openi(tmp_path, {"1": xml_report("CXR1", [])}, [], frontal=[])
    (raw / "indiana_projections.csv").unlink()
    with pytest.raises(UserError, match=r"not found\. Expected .* https://www\.kaggle\.com"):
        openi.read_reports(raw)


def test_the_command_line_reports_a_truncated_archive_without_traceback_or_output(tmp_path, stage):
    raw = write_openi(tmp_path / "data/raw/openi", {"1": xml_report("CXR1", [])}, [], frontal=[])
    truncate(raw / "NLMCXR_reports.tgz")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    run = stage("reports", "--study", "openi", cwd=tmp_path)
    assert run.returncode == 1
    assert "NLMCXR_reports.tgz: truncated or corrupt" in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "data/reports").exists()


def test_a_word_that_is_no_projection_is_named_and_its_image_has_no_view(tmp_path):
    raw = write_openi(tmp_path, {"1": xml_report("CXR1", ["CXR1_a", "CXR1_b"])}, [], frontal=["CXR1_a", "CXR1_b"])
    table = raw / "indiana_projections.csv"
    table.write_text(table.read_text().replace("a.dcm.png,Frontal", "a.dcm.png,PA"))
    collection = openi.read_reports(raw)
    assert collection.views["view"].tolist() == ["", "Frontal"]
    assert collection.rejected.to_numpy().tolist() == [
        ["image", "CXR1_a", "projection 'PA', which is neither Frontal nor Lateral, in indiana_projections.csv"]
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("a.dcm.png,Frontal", "a.dcm.png,Frontal,", "line 2: found 4 fields, expected the 3 of the header"),
        ("1,1_a", '1,"1_a', "line 4: ',' expected after '\"'"),
    ],
    ids=["a field too many", "stray quotes"],
)
def test_a_projections_table_that_shifts_or_swallows_rows_is_reported(tmp_path, old, new, message):
    names = ["CXR1_a", "CXR1_b", "CXR1_c"]
    raw = write_openi(tmp_path, {"1": xml_report("CXR1", names)}, [], frontal=names)
    table = raw / "indiana_projections.csv"
    table.write_text(table.read_text().replace(old, new).replace("1,1_c", '1,"1_c' if '"' in new else "1,1_c"))
    with pytest.raises(UserError, match=rf"indiana_projections\.csv: {message}"):
        openi.read_reports(raw)


@pytest.fixture
def both(tmp_path):
    """Four reports, one of them without images, as the library publishes them and as the Kaggle edition has them."""
    reports = {
        "1": xml_report("CXR1", ["CXR1_1_IM-0001-4001", "CXR1_1_IM-0001-3001"]),
        "21": xml_report("CXR21", ["CXR21_1_IM-7-1001"], ["Lung/hypoinflation/mild", "Opacity/lung"], "Low,\n small."),
        "3": xml_report("CXR3", ["CXR3_IM-2-1001"], []),
        "4": xml_report("CXR4", []),
    }
    names = ["CXR1_1_IM-0001-4001", "CXR1_1_IM-0001-3001", "CXR21_1_IM-7-1001", "CXR3_IM-2-1001"]
    images = [(name, png(20 + number)) for number, name in enumerate(names)]
    library = write_openi(tmp_path / "library", reports, images, names)
    table = library / "indiana_projections.csv"
    table.write_text(
        table.read_text().replace("1,1_1_IM", "1,1_IM").replace("3001.dcm.png,Frontal", "3001.dcm.png,Lateral")
    )
    return library, write_kaggle(library, tmp_path / "kaggle")


def test_the_kaggle_edition_has_the_same_reports_views_and_images(both):
    library, kaggle = map(openi.read_reports, both)
    with_images = library.reports["report_id"] != "CXR4"
    assert kaggle.reports.to_dict("records") == library.reports[with_images].to_dict("records")
    assert list(kaggle.reports["major"]) == ["normal", "", "Lung/hypoinflation/mild; Opacity/lung"]
    assert kaggle.views.to_dict("records") == library.views.to_dict("records")
    assert kaggle.rejected.to_dict("records") == library.rejected.to_dict("records")
    library, kaggle = ({member.stem: member.data for member in openi.read_images(raw)} for raw in both)
    assert kaggle == library and next(iter(kaggle)).startswith("CXR1_1_IM")


def test_the_archives_are_read_where_both_editions_are_there(both):
    library, kaggle = both
    assert openi.report_files(kaggle) == ["indiana_reports.csv", "indiana_projections.csv"]
    assert openi.image_files(kaggle) == ["images/images_normalized"]
    (library / "NLMCXR_reports.tgz").rename(kaggle / "NLMCXR_reports.tgz")
    assert openi.report_files(kaggle) == openi.REPORT_FILES
    assert openi.image_files(kaggle) == ["images/images_normalized"], "each by itself: names are the same"
    assert len(openi.read_reports(kaggle).reports) == 4


def test_without_any_file_the_archives_are_asked_for(tmp_path):
    assert openi.report_files(tmp_path) == openi.REPORT_FILES
    assert openi.image_files(tmp_path) == openi.IMAGE_FILES


def write_tags(raw, *rows: dict[str, str]) -> None:
    table = pd.DataFrame(list(rows), columns=[*_openi_tags.NAMES, "KVP"], dtype=object).fillna("")
    table.to_csv(raw / openi.TAGS, index=False)


def test_age_is_that_between_the_dates_of_the_tags_of_the_frontal_image(both):
    dates = {"Patient's Birth Date": "19550820", "Study Date": "20110328", "View Position": "AP"}
    for raw in both:
        write_tags(
            raw,
            {"imageid": "CXR1_IM-0001-3001", **dates, "Plate Type": "of the lateral image"},
            {"imageid": "CXR1_IM-0001-4001", **dates, "Imager Pixel Spacing": "['0.1500', '0.1500']"},
            {"imageid": "CXR21_1_IM-7-1001", "Patient's Birth Date": "unknown", "Study Date": "20110328"},
        )
        assert openi.TAGS in openi.report_files(raw)
        values = openi.read_reports(raw).values.set_index("report_id")
        assert list(values) == list(openi.COLUMNS) and list(values.index) == ["CXR1", "CXR21"]
        first = values.loc["CXR1"].to_dict()
        assert first == {
            "age": 55.6, "study_date": 2011.24, "pixel_spacing": "0.1500", "position": "AP",
            "plate": "", "software": "", "photometric": "", "bits": "",
        }  # fmt: skip
        assert pd.isna(values["age"]["CXR21"]), "a date that is none"


def test_without_tags_every_value_is_missing(both):
    assert openi.read_reports(both[0]).values.empty
    assert openi.TAGS not in openi.report_files(both[0])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"not packed", r"nlmcxr_dicom_metadata\.csv\.gz: cannot be read as packed CSV"),
        (gzip.compress(b"imageid,KVP\n" + b"CXR1_1,\n" * 999)[:-9], "cannot be read as packed CSV"),
        (gzip.compress(b"imageid,KVP\nCXR1_1,\n"), "no column birth, study"),
    ],
    ids=["no archive", "cut", "other columns"],
)
def test_a_damaged_table_of_tags_is_reported(both, data, message):
    (both[0] / openi.TAGS).write_bytes(data)
    with pytest.raises(UserError, match=message):
        openi.read_reports(both[0])


def test_the_class_lung_joins_two_opposite_states_as_its_data_card_says(real_data):
    found = openi.read_reports(real_data / "openi")
    shown = found.reports[found.reports["report_id"].isin(found.views["report_id"])]
    lung = shown["major"][matches(shown["major"], LabelRule(name="lung", heading="Lung", match="contains"))]
    little, much = (lung.str.contains(f"Lung[^;]*/{state}") for state in ["hypoinflation", "hyperdistention"])
    assert not (little & much).any()
    (said,) = re.findall(r"of the (\d+) .* (\d+) have too little .* (\d+) too much .* and (\d+) neither", BIASES[0])
    assert [len(lung), little.sum(), much.sum(), (~little & ~much).sum()] == list(map(int, said))


def test_frontal_and_lateral_of_a_study_are_one_case(tmp_path, monkeypatch):
    reports = {}
    for n in range(1, 5):
        headings = [["normal"], ["Lung/hypoinflation"]][n % 2]
        reports[str(n)] = xml_report(f"CXR{n}", [f"CXR{n}_a", f"CXR{n}_b"], headings, findings=f"Text {n}.")
    images = [(f"CXR{n}_{letter}", png(brightest=40 * n)) for n in range(1, 5) for letter in "ab"]
    raw = write_openi(tmp_path / "openi", reports, images[:-1], frontal=[name for name, _ in images if name[-1] == "a"])
    table = raw / "indiana_projections.csv"
    table.write_text(table.read_text() + "".join(f"{n},{n}_b.dcm.png,Lateral\n" for n in range(1, 5)))
    monkeypatch.chdir(tmp_path)
    study = load_studies(read_params(ROOT / "params.yaml"), only="openi")["openi"]
    plan = Plan("openi", study.model_copy(update={"view": openi.VIEWS, "modalities": ["image", "text"]}))
    for job in [plan.reports(), plan.images(), plan.filter()]:
        call(job.stage, job.arguments | {name: raw for name in ["raw"] if name in job.settings})
    pairs = pd.read_csv(plan.layout.candidates["candidates"], keep_default_na=False).set_index("report_id")
    assert pairs["image_at_Frontal"].tolist() == [f"CXR{n}_a" for n in range(1, 5)]
    assert pairs["image_at_Lateral"].to_dict() == {"CXR1": "CXR1_b", "CXR2": "CXR2_b", "CXR3": "CXR3_b", "CXR4": ""}
    assert pairs["pair_id"].eq(pairs.index).all(), "the last lacks the file of its lateral"
