"""The cells of a table find their images, whatever kind of path they hold, and never another's image."""

import zipfile

import pytest

from lungfuse.errors import UserError
from lungfuse.image_lookup import ImageFiles


@pytest.fixture
def raw(tmp_path):
    """Images in a folder with subfolders and in a .zip file; what they hold is their path."""
    names = ["images/a.png", "images/sub/B.JPG", "images/p1/1.png", "images/p1/2.png", "images/p2/1.png"]
    for name in [*names, "images/.hidden.png", "images/notes.txt"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr("part/z.dcm", "more.zip/part/z.dcm")
        archive.writestr("__MACOSX/part/._z.dcm", "")
    return tmp_path


def found(raw, *cells):
    """What each cell finds: the content of its file, or what is wrong."""
    images = ImageFiles(raw, ["images", "more.zip"])
    files = images.find(cells)
    return [
        file if isinstance(file, str) else next(images.read([file], 1 << 20)).data.decode() for file in files.values()
    ]


@pytest.mark.parametrize(
    ("cell", "file"),
    [
        ("a.png", "images/a.png"),
        ("a", "images/a.png"),
        ("A.PNG", "images/a.png"),
        ("a.jpeg", "images/a.png"),
        ("images/a.png", "images/a.png"),
        ("./images/a.png", "images/a.png"),
        ("C:\\scans\\sub\\b.jpg", "images/sub/B.JPG"),
        ("/disk/of/another/images/sub/B", "images/sub/B.JPG"),
        ("z", "more.zip/part/z.dcm"),
        ("p2/1.png", "images/p2/1.png"),
    ],
)
def test_a_cell_finds_its_file(raw, cell, file):
    assert found(raw, cell) == [file]


def test_a_name_that_several_files_have_is_reported_with_them(raw):
    (problem,) = found(raw, "1.png")
    assert problem == "2 files are called so: images/p1/1.png, images/p2/1.png; name the folder, too"


def test_a_missing_image_is_never_that_of_another_folder(raw):
    cells = ["/x/p1/1.png", "/x/p1/2.png", "/x/p2/1.png", "/x/p2/2.png"]
    assert found(raw, *cells)[:3] == ["images/p1/1.png", "images/p1/2.png", "images/p2/1.png"]
    assert found(raw, *cells)[3].startswith("no file is called '/x/p2/2.png'")


def test_one_file_that_is_there_in_two_ways_is_found(raw):
    (raw / "images/linked").symlink_to("sub")
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(raw / "more.zip", "a") as archive:
        archive.writestr("part/z.dcm", "written again")
    assert found(raw, "B.JPG", "z") == ["images/sub/B.JPG", "written again"]


def test_files_that_differ_in_case_alone_are_found_by_their_case(raw):
    (raw / "images" / "A.png").write_bytes(b"capital")
    assert found(raw, "A.png", "a.png") == ["capital", "images/a.png"]


def test_a_broken_member_of_a_zip_and_one_that_is_too_large_come_with_their_problem(raw):
    damaged = bytearray((raw / "more.zip").read_bytes())
    damaged[damaged.index(b"more.zip/part")] ^= 1
    (raw / "more.zip").write_bytes(damaged)
    images = ImageFiles(raw, ["more.zip"])
    (file,) = images.files
    assert "cannot be read from more.zip (Bad CRC-32" in next(images.read([file], 1 << 20)).problem
    assert next(images.read([file], 3)).problem == "has 19 bytes, more than the 3 allowed"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere", "nowhere: not found. Expected a folder or a .zip file"),
        ("images/a.png", "a.png: cannot be read .* Expected a folder or a whole .zip file"),
        ("empty", "empty: no image found; expected files that end in .*png"),
    ],
)
def test_a_place_without_images_is_reported(raw, place, message):
    (raw / "empty").mkdir()
    with pytest.raises(UserError, match=message):
        ImageFiles(raw, [place])
