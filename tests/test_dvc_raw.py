"""Raw files that were put there by hand, before a study is put under DVC."""

import pytest
from dvc_raw import advice, copy_in_place, links_in, raw_inputs, unknown_to_dvc
from dvc_stage import PlannedJob, Stage


@pytest.fixture
def raw(tmp_path, monkeypatch) -> list[str]:
    """A table, and a link to a folder of images, as `lungfuse init` makes it."""
    monkeypatch.chdir(tmp_path)
    for place in ["data/raw/clinic", "elsewhere/images"]:
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "data/raw/clinic/cases.csv").write_text("case\n")
    (tmp_path / "elsewhere/images/1.png").write_bytes(b"png")
    (tmp_path / "data/raw/clinic/images").symlink_to(tmp_path / "elsewhere/images")
    return ["data/raw/clinic/cases.csv", "data/raw/clinic/images"]


def test_what_no_stage_makes_is_raw_and_links_are_reported_before_dvc_refuses_them(raw):
    job = PlannedJob("fetch", "fetch", ["data/raw/openi/reports.tgz"], [], [])
    deps = ["data/plan/clinic/images.json", "data/raw/openi/reports.tgz", *raw]
    stages = [Stage("clinic", None, name, [job], deps, [], []) for name in ["reports", "images"]]
    assert raw_inputs(stages) == raw
    assert advice(raw).startswith("data/raw/clinic/images: DVC takes no links. Say --copy-links")


def test_a_copy_takes_the_place_of_a_link_and_what_is_added_is_known(raw, tmp_path):
    for link in links_in(raw):
        copy_in_place(link)
    assert links_in(raw) == []
    assert (tmp_path / "data/raw/clinic/images/1.png").read_bytes() == b"png"
    assert (tmp_path / "elsewhere/images/1.png").exists()
    assert f"dvc add {raw[0]} {raw[1]}\n" in advice(raw)
    (tmp_path / "data/raw/clinic/images.dvc").touch()
    assert unknown_to_dvc(raw) == raw[:1]
    (tmp_path / "data/raw/clinic.dvc").touch()
    assert advice(raw) == ""


def test_a_link_to_nothing_stays_and_is_named(raw, tmp_path):
    link = tmp_path / "data/raw/clinic/more"
    link.symlink_to("gone")
    with pytest.raises(FileNotFoundError, match="gone"):
        copy_in_place(link)
    assert link.is_symlink()
