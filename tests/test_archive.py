import gzip
import io
import tarfile

import pytest
from conftest import truncate, write_tgz

from lungfuse.archive import read_folder, read_members
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


def tar_of(members) -> bytes:
    """An archive without its compression: a head of 512 bytes before each file, and zeros at the end."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()


TAR = tar_of([(f"{number}.{suffix}", bytes(700)) for number in range(4) for suffix in ["xml", "txt"]])
SPOILED = {
    "ends within a file": TAR[: 3 * 1536 + 800],
    "ends within a head": TAR[: 4 * 1536 + 100],
    "ends after a file": TAR[: 4 * 1536],
    "a bad head in the middle": TAR[: 4 * 1536] + b"\x80" + TAR[4 * 1536 + 1 :],
    "two archives joined": TAR + TAR,
}


@pytest.mark.parametrize("tar", SPOILED.values(), ids=SPOILED)
def test_a_tar_that_does_not_reach_its_end_is_named_though_its_gzip_is_whole(tmp_path, tar):
    (tmp_path / "a.tgz").write_bytes(gzip.compress(tar))
    with pytest.raises(UserError, match=r"a\.tgz: truncated or corrupt after [24] \.xml files"):
        list(read_members(tmp_path / "a.tgz", ".xml", 1000))


def test_the_case_of_a_name_does_not_count(tmp_path):
    assert [member.stem for member in read(write_tgz(tmp_path / "a.tgz", [("1.XML", b""), ("2.xml", b"")]))] == [
        "1",
        "2",
    ]
    (tmp_path / "1.PNG").touch()
    assert [member.stem for member in read_folder(tmp_path, ".png", 100)] == ["1"]


def test_a_link_to_nothing_and_a_folder_are_named_where_an_archive_should_be(tmp_path):
    (tmp_path / "link.tgz").symlink_to("gone.tgz")
    (tmp_path / "folder.tgz").mkdir()
    with pytest.raises(UserError, match=r"link\.tgz: is a link to gone\.tgz, which is not there"):
        read(tmp_path / "link.tgz")
    with pytest.raises(UserError, match=r"folder\.tgz: cannot be read \(Is a directory\); expected a gzipped tar"):
        read(tmp_path / "folder.tgz")


def test_a_folder_gives_the_files_of_several_suffixes_and_names_what_cannot_be_read(tmp_path):
    for name in ["a.png", "b.jpg", "c.txt"]:
        (tmp_path / name).write_bytes(b"data")
    (tmp_path / "d.png").symlink_to("gone.png")
    (tmp_path / "e.png").mkdir()
    members = {member.stem: member.problem for member in read_folder(tmp_path, [".png", ".jpg"], 100)}
    assert members == {
        "a": "", "b": "", "d": "is a link to gone.png, which is not there", "e": "is a folder or device, not a file",
    }  # fmt: skip


def test_a_folder_without_such_files_is_named(tmp_path):
    (tmp_path / "a.jpg").touch()
    with pytest.raises(UserError, match=r"no \.png or \.bmp file found; it holds a\.jpg"):
        list(read_folder(tmp_path, [".png", ".bmp"], 100))
    with pytest.raises(UserError, match=r"images: not found\. Expected a folder with \.png files"):
        list(read_folder(tmp_path / "images", ".png", 100))
