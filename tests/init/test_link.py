"""Raw files are linked or copied into the raw folder, and nothing of others is overwritten."""

import errno
import shutil
from pathlib import Path

import pytest

from lungfuse.errors import UserError
from lungfuse.init.link import check_links, put_in_place, sources_of


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    project, outside = tmp_path / "project", tmp_path / "outside"
    for folder in [project / "in" / "images", outside / "images"]:
        folder.mkdir(parents=True)
        (folder / "a.png").write_text("a")
        (folder.parent / "cases.csv").write_text("id\n1\n")
    monkeypatch.chdir(project)
    return outside


RAW = Path("data/raw/clinic")


def link(table, *images, copy=False, replace=False):
    sources = sources_of(RAW, Path(table), [Path(place) for place in images])
    check_links(sources, replace)
    put_in_place(sources, Path.cwd(), copy)
    return sources


def test_files_of_the_project_are_linked_relatively_and_others_absolutely(place):
    sources = link("in/cases.csv", place / "images")
    assert (sources.table, sources.images) == ("cases.csv", ["images"])
    assert str((RAW / "cases.csv").readlink()) == "../../../in/cases.csv"
    assert (RAW / "images").readlink() == place / "images"
    assert (RAW / "images/a.png").read_text() == "a"


def test_the_same_again_changes_nothing():
    link("in/cases.csv", "in/images")
    link("in/cases.csv", "in/images")
    assert sorted(path.name for path in RAW.iterdir()) == ["cases.csv", "images"]


def test_two_folders_of_one_name_get_two(place):
    assert link("in/cases.csv", "in/images", place / "images").images == ["images", "images_2"]
    assert (RAW / "images_2").resolve() == place / "images"


def test_a_link_has_no_braces_which_are_wildcards_to_snakemake(place):
    (place / "cases.csv").rename(place / "patient's cases {copy}.csv")
    assert link(place / "patient's cases {copy}.csv").table == "patient's cases (copy).csv"


def test_images_with_braces_in_their_names_are_reported(place):
    (place / "images/scan {0}.png").write_text("b")
    with pytest.raises(UserError, match=r"scan \{0\}\.png: is one of 1 files with braces in their paths.*Rename them"):
        link("in/cases.csv", place / "images")


def test_copies_stay_when_the_files_go(place):
    link(place / "cases.csv", place / "images", copy=True)
    (place / "images/a.png").unlink()
    assert not (RAW / "images").is_symlink()
    assert (RAW / "images/a.png").read_text() == "a"


def test_links_become_copies_when_that_is_said(place):
    link(place / "cases.csv", place / "images")
    link(place / "cases.csv", place / "images", copy=True)
    assert not (RAW / "images").is_symlink()
    assert (place / "images/a.png").exists()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, r"data/raw/clinic/images: cannot be written \(No space left on device\).*leave --copy out"),
        (errno.EACCES, r"outside/images/a\.png: cannot be copied \(Permission denied\)"),
    ],
)
def test_a_copy_that_fails_names_the_place_that_is_full_or_the_file_that_cannot_be_read(
    place, monkeypatch, number, said
):
    def failing(source, *_):
        raise OSError(number, "No space left on device" if number == errno.ENOSPC else "Permission denied", source)

    monkeypatch.setattr(shutil, "copyfile", failing)
    with pytest.raises(UserError, match=said):
        link(place / "images", copy=True)
    assert not [*RAW.iterdir()]


def test_a_folder_that_links_to_itself_is_copied_once(place):
    (place / "images/again").symlink_to(".")
    for _ in range(2):
        link(place / "cases.csv", place / "images", copy=True)
    assert [path.name for path in (RAW / "images").iterdir()] == ["a.png"]


def test_what_is_in_the_raw_folder_already_stays_there():
    RAW.mkdir(parents=True)
    Path("in/cases.csv").rename(RAW / "cases.csv")
    sources = link(RAW / "cases.csv", "in/images")
    assert (sources.table, list(sources.links)) == ("cases.csv", ["images"])


def test_files_of_others_are_never_overwritten(place):
    RAW.mkdir(parents=True)
    (RAW / "cases.csv").write_text("id\n2\n")
    for replace in [False, True]:
        with pytest.raises(UserError, match=r"cases.csv: is there already, a file or folder of its own.*Move it away"):
            link("in/cases.csv", replace=replace)
    assert (RAW / "cases.csv").read_text() == "id\n2\n"


def test_a_link_to_something_else_is_replaced_when_that_is_said(place):
    link("in/cases.csv", "in/images")
    with pytest.raises(UserError, match=r"is there already, a link to .*Say --replace"):
        link("in/cases.csv", place / "images")
    link("in/cases.csv", place / "images", replace=True)
    assert (RAW / "images").resolve() == place / "images"


def test_images_that_are_not_there_or_of_another_kind_are_reported(place):
    with pytest.raises(UserError, match="--images: nowhere: not found"):
        link("in/cases.csv", "nowhere")
    Path("in/images.tar.gz").write_text("")
    with pytest.raises(UserError, match=r"is a .gz file, expected a folder or a .zip file"):
        link("in/cases.csv", "in/images.tar.gz")


def test_the_project_itself_is_no_folder_of_images():
    with pytest.raises(UserError, match=r"holds the project itself.*folder of their own"):
        link("in/cases.csv", ".")
