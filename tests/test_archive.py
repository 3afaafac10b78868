import gzip
import io
import tarfile

import pytest
from conftest import truncate, write_tgz

from lungfuse.archive import read_members
from lungfuse.errors import UserError

FILES = [("a/1.xml", b"one"), ("a/readme.txt", b"no"), ("a/2.xml", b"two")]


def read(path, max_bytes=100):
    return list(read_members(path, ".xml", max_bytes))


def test_members_come_in_order_with_their_data(tmp_path):
    members = read(write_tgz(tmp_path / "a.tgz", FILES))
    assert [(member.stem, member.data, member.problem) for member in members] == [("1", b"one", ""), ("2", b"two", "")]


@pytest.mark.parametrize("name", ["../../evil.xml", "/etc/evil.xml", "a/../../evil.xml"])
def test_a_path_out_of_the_archive_is_a_problem_and_writes_nothing(tmp_path, name):
    archive = write_tgz(tmp_path / "sub" / "a.tgz", [(name, b"evil"), *FILES])
    evil, *good = read(archive)
    assert evil.problem == "its path leads out of the archive"
    assert evil.data == b""
    assert [member.stem for member in good] == ["1", "2"]
    assert not list(tmp_path.rglob("evil*"))


def test_a_link_and_a_giant_are_problems(tmp_path):
    path = tmp_path / "a.tgz"
    with tarfile.open(path, "w:gz") as tar:
        link = tarfile.TarInfo("link.xml")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        giant = tarfile.TarInfo("giant.xml")
        giant.size = 101
        tar.addfile(giant, io.BytesIO(bytes(101)))
    assert [member.problem for member in read(path)] == [
        "is a link or device, not a file",
        "has 101 bytes, more than the 100 allowed",
    ]


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.99])
def test_a_truncated_archive_is_named(tmp_path, keep):
    archive = write_tgz(tmp_path / "a.tgz", [(f"{number}.xml", bytes(range(100))) for number in range(50)])
    truncate(archive, keep)
    with pytest.raises(UserError, match=r"a\.tgz: truncated or corrupt after .* Delete it and download it again"):
        read(archive)


def test_a_wrong_checksum_is_noticed(tmp_path):
    archive = write_tgz(tmp_path / "a.tgz", FILES)
    data = bytearray(archive.read_bytes())
    data[-6] ^= 1
    archive.write_bytes(data)
    with pytest.raises(UserError, match=r"truncated or corrupt after 2 \.xml files"):
        read(archive)


def test_what_is_no_archive_is_named(tmp_path):
    (tmp_path / "page.tgz").write_text("<html>Not found</html>")
    (tmp_path / "text.tgz").write_bytes(gzip.compress(b"not a tar" * 100))
    for name in ["page.tgz", "text.tgz"]:
        with pytest.raises(UserError, match=f"{name}: truncated or corrupt"):
            read(tmp_path / name)
    with pytest.raises(UserError, match=r"absent\.tgz: not found"):
        read(tmp_path / "absent.tgz")
