import subprocess
import sys

import numpy as np
import pytest

from lungfuse.errors import UserError
from lungfuse.files import atomic_array, atomic_write, files_below, read_array, unchanged


def test_a_file_appears_whole(tmp_path):
    with atomic_write(tmp_path / "deep" / "a.txt") as stream:
        stream.write("text")
        assert not (tmp_path / "deep" / "a.txt").exists()
    assert (tmp_path / "deep" / "a.txt").read_text() == "text"


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(RuntimeError), atomic_write(tmp_path / "a.txt") as stream:
        stream.write("new")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/a\.txt: cannot be written"), atomic_write(tmp_path / "file" / "a.txt"):
        pass


WRITE_A_MEGABYTE = """
import sys
from pathlib import Path
from lungfuse.errors import UserError
from lungfuse.files import atomic_write
try:
    with atomic_write(Path(sys.argv[1]), "wb") as stream:
        stream.write(bytes(1 << 20))
except UserError as error:
    sys.exit(str(error))
"""


def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path):
    """A file system of 64 KiB, mounted in a namespace of its own."""
    script = 'mount -t tmpfs -o size=64k tmpfs "$1" && { "$2" -c "$3" "$1/a.bin"; echo "exit $?"; ls -A "$1"; }'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
    try:
        run = subprocess.run(
            [*command, tmp_path, sys.executable, WRITE_A_MEGABYTE], capture_output=True, text=True, timeout=60
        )
    except FileNotFoundError:
        pytest.skip("unshare is not installed: no small file system can be mounted")
    if "exit" not in run.stdout:
        pytest.skip(f"no small file system can be mounted: {run.stderr.strip()}")
    assert "a.bin: cannot be written (No space left on device)" in run.stderr
    assert run.stdout.split() == ["exit", "1"]


def test_a_file_larger_than_allowed_is_reported_and_leaves_nothing(tmp_path):
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536)){WRITE_A_MEGABYTE}"
    run = subprocess.run(
        [sys.executable, "-c", limited, tmp_path / "a.bin"], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 1
    assert "a.bin: cannot be written (File too large)" in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_input_that_cannot_be_read_is_not_blamed_on_the_output(tmp_path):
    with pytest.raises(IsADirectoryError, match=str(tmp_path)), atomic_write(tmp_path / "a.txt"):
        tmp_path.read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.with_name("new").rename(file),
        lambda file: file.write_text("longer than before"),
        lambda file: file.unlink(),
        lambda file: file.with_name("another").write_text(""),
    ],
    ids=["replaced by rename", "written to", "deleted", "added to its folder"],
)
def test_a_file_that_changes_while_it_is_read_is_named(tmp_path, change):
    folder = tmp_path / "raw"
    folder.mkdir()
    file = folder / "a.tgz"
    file.write_text("old")
    (folder / "new").write_text("new")
    with unchanged(lambda: sorted(folder.iterdir())):
        file.read_text()
    with (
        pytest.raises(UserError, match=r"changed while it was read, .* Run again"),
        unchanged(lambda: sorted(folder.iterdir())),
    ):
        change(file)


@pytest.mark.parametrize("target", [".", "..", "b", "../x"])
def test_a_link_that_leads_back_is_not_followed_and_another_is(tmp_path, target):
    """By itself, or by way of another folder that links to the first."""
    for folder in ["x", "x/b", "other"]:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").touch()
    (tmp_path / "x/b/back").symlink_to(f"../{target}")
    (tmp_path / "x/other").symlink_to("../other")
    (tmp_path / "other/x").symlink_to("../x")
    found = [file.relative_to(tmp_path / "x").as_posix() for file in files_below(tmp_path / "x")]
    assert found == ["a.png", "b/a.png", "other/a.png"]


def test_an_array_is_as_long_as_its_index_or_named(tmp_path):
    path = tmp_path / "images.npy"
    with atomic_array(path, np.uint8, (2,)) as append:
        append(np.zeros((3, 2)))
    assert read_array(path, 3).shape == (3, 2)
    with pytest.raises(UserError, match=r"images\.npy: has 3 rows, fewer than the 4 of its index"):
        read_array(path, 4)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"images\.npy: is no whole \.npy file"):
        read_array(path, 3)
    with pytest.raises(UserError, match=r"absent\.npy: not found"):
        read_array(tmp_path / "absent.npy", 3)
