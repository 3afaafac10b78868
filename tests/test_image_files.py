"""Folders of images that a user names: what is read of them, and what is left out by name."""

import re

import pytest

from lungfuse.errors import UserError
from lungfuse.imaging.image_files import images_in


def test_images_of_all_kinds_are_read_and_what_is_left_out_is_named(tmp_path, capsys):
    images = ["D.PNG", "IM0001", "a.png", "b.webp", "c.gif", "i.jp2", "x.dcm"]
    for name in [*images, "notes.txt", ".hidden.png"]:
        (tmp_path / name).touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/e.png").touch()
    assert [path.name for path in images_in(tmp_path)] == images
    said = capsys.readouterr().out
    assert "left out 1 file without a suffix of images: notes.txt" in said
    assert "left out 1 folder in it: sub. Name it to read its images" in said


@pytest.mark.parametrize("name", ["sub", "{0}", "{"])
def test_a_folder_whose_images_are_in_others_says_so(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(UserError, match=rf"no image found.*It holds 1 folder: {re.escape(name)}\."):
        images_in(tmp_path)
