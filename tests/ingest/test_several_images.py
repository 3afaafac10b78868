"""Cases with several images: a report is one pair, with an image at each place or none."""

import numpy as np
import pandas as pd
import pytest

from lungfuse.check.check import look
from lungfuse.errors import UserError
from lungfuse.ingest.alike import ImageArray
from lungfuse.ingest.filter import FilterInputs, select_pairs
from lungfuse.settings.ingest import FilterSettings
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.ingest import Candidates, sections_of
from lungfuse.tasks import load_task

BOTH = ["Frontal", "Lateral"]
LABELS = [{"name": name, "heading": name} for name in ["normal", "lung"]]
RULES = {"labels": LABELS, "balance": "none", "required": None, "text_fields": ["findings"]}


def make_reports(*names: str) -> pd.DataFrame:
    """Reports, every second of the class lung."""
    majors = [LABELS[number % 2]["heading"] for number in range(len(names))]
    reports = pd.DataFrame({"report_id": names, "patient": names, "major": majors})
    reports["findings"] = "text of " + reports["report_id"]
    return reports.assign(automatic="", site="", comparison="", indication="", impression="")


def make_views(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["image_id", "report_id", "view"])


@pytest.fixture
def collection():
    """R1 has both views, R2 two frontal images, R3 a frontal one, R4 none."""
    views = make_views(
        ("R1a", "R1", "Frontal"), ("R1b", "R1", "Lateral"), ("R2a", "R2", "Frontal"), ("R2b", "R2", "Frontal"),
        ("R3a", "R3", "Frontal"),
    )  # fmt: skip
    return make_reports("R1", "R2", "R3", "R4"), views


def select(reports, views, readable=None, images=None, **rules):
    found = FilterInputs(reports, views, reports[["report_id"]], readable, images)
    task = load_task("binary", ["normal", "lung"])
    rules = FilterSettings(**RULES | rules)
    pairs, funnel, _ = select_pairs(found, task, ["image", "text"], BOTH, rules, seed=0)
    return pairs.set_index("pair_id"), funnel.set_index("step")["count"].to_dict()


def test_a_report_is_a_pair_with_the_first_image_of_each_view(collection):
    pairs, steps = select(*collection)
    named = pairs[["image_id", "image_at_Frontal", "image_at_Lateral"]].T.to_dict("list")
    assert named == {
        "R1": ["R1a", "R1a", "R1b"], "R2": ["R2a", "R2a", ""], "R3": ["R3a", "R3a", ""],
    }  # fmt: skip
    assert steps["frontal and lateral images"] == 5 and steps["first images of each view"] == 4
    assert steps["pairs"] == steps["reports of pairs"] == 3, "one case, one vote"


def test_an_image_that_cannot_be_read_is_missing_and_a_case_without_any_is_left_out(collection):
    pairs, steps = select(*collection, readable={"R1b", "R2b"})
    assert pairs["image_id"].to_dict() == {"R1": "R1b", "R2": "R2b"}
    assert pairs.loc["R1", ["image_at_Frontal", "image_at_Lateral"]].tolist() == ["", "R1b"]
    assert steps["readable images"] == 2
    alone, _ = select(*collection, readable={"R1b"}, required=["text"])
    assert alone["image_id"].to_dict() == {"R1": "R1b", **dict.fromkeys(["R2", "R3", "R4"], "")}
    assert alone["image_at_Frontal"].eq("").all()


def test_a_view_that_no_image_has_is_reported(collection):
    reports, views = collection
    with pytest.raises(UserError, match="view: found 'Lateral', but no image has it"):
        select(reports, views[views["view"] == "Frontal"])


def test_cases_with_the_same_image_at_any_place_are_of_one_group(tmp_path):
    reports = make_reports("R0", "R1", "R2", "R3")
    views = make_views(*((f"{n}{view[0]}", f"R{n}", view) for n in range(4) for view in BOTH))
    pixels = np.random.default_rng(0).integers(0, 256, (8, 32, 32), dtype=np.uint8)
    pixels[5] = pixels[0]  # the lateral image of R2 is the frontal one of R0
    pixels[3] = pixels[2]  # both images of R1 are the same
    np.save(tmp_path / "images.npy", pixels)
    index = pd.DataFrame({"image_id": views["image_id"], "row": range(8)})
    array = ImageArray(tmp_path / "images.npy", index)
    pairs, _ = select(reports, views, {*views["image_id"]}, array, group_by=["image"])
    assert pairs["group"].tolist() == [0, 1, 0, 2]


def test_the_images_of_a_place_are_no_section_of_text(collection, tmp_path):
    pairs, _ = select(*collection)
    write_table(pairs.reset_index(), tmp_path / "candidates.csv", Candidates)
    read = read_table(tmp_path / "candidates.csv", Candidates)
    assert read["image_at_Lateral"].tolist() == ["R1b", "", ""]
    assert not any(name.startswith("image") for name in sections_of(read))


def test_the_data_check_looks_at_all_images_of_a_case(tmp_path):
    pairs = pd.DataFrame({"image_id": ["a", "c"], "image_at_left": ["a", ""], "image_at_right": ["b", "c"]})
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8))
    index = pd.DataFrame({"image_id": ["a", "b", "c"], "row": range(3)})
    assert look(pairs, tmp_path / "images.npy", index).case.tolist() == [0, 0, 1]
