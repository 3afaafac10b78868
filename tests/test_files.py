import subprocess
import sys

import pytest

from lungfuse.errors import UserError
from lungfuse.files import whole_file


def test_a_file_appears_whole(tmp_path):
    with whole_file(tmp_path / "deep" / "a.txt") as stream:
        stream.write("text")
        assert not (tmp_path / "deep" / "a.txt").exists()
    assert (tmp_path / "deep" / "a.txt").read_text() == "text"


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(RuntimeError), whole_file(tmp_path / "a.txt") as stream:
        stream.write("new")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/a\.txt: cannot be written"), whole_file(tmp_path / "file" / "a.txt"):
        pass


WRITE_A_MEGABYTE = """
import sys
from pathlib import Path
from lungfuse.errors import UserError
from lungfuse.files import whole_file
try:
    with whole_file(Path(sys.argv[1]), "wb") as stream:
        stream.write(bytes(1 << 20))
except UserError as error:
    sys.exit(str(error))
"""


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path):
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


def test_a_file_larger_than_allowed_is_told_and_leaves_nothing(tmp_path):
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536)){WRITE_A_MEGABYTE}"
    run = subprocess.run(
        [sys.executable, "-c", limited, tmp_path / "a.bin"], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 1
    assert "a.bin: cannot be written (File too large)" in run.stderr
    assert list(tmp_path.iterdir()) == []
