import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lungfuse.datasets import Download, openi
from lungfuse.errors import UserError
from lungfuse.ingest.download import compare_with_published, fetch

CONTENT = bytes(range(256)) * 1000


class FileServer(BaseHTTPRequestHandler):
    """Serves `server.content` with ranges; cuts the connection after `server.cut` bytes when that is set.

    `server.edition` are headers that name an edition of the file; a range of another is not served.
    """

    def do_GET(self):
        content, edition = self.server.content, self.server.edition
        start = int((re.match(r"bytes=(\d+)-", self.headers.get("Range", "")) or [0, 0])[1])
        if self.headers.get("If-Range", "") not in ["", *edition.values()]:
            start = 0
        self.server.starts.append(start)
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        for name, value in edition.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start : self.server.cut])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), FileServer)
    server.starts, server.cut, server.content, server.edition = [], None, CONTENT, {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture
def published(server):
    return Download(
        url=f"http://127.0.0.1:{server.server_port}/file.tgz",
        page="https://example.org/files",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        bytes=len(CONTENT),
    )


def test_a_missing_file_is_fetched_and_checked(tmp_path, published):
    fetch(published, tmp_path / "raw" / "file.tgz")
    assert (tmp_path / "raw" / "file.tgz").read_bytes() == CONTENT


def test_a_broken_download_never_counts_and_is_resumed(tmp_path, server, published):
    file = tmp_path / "file.tgz"
    server.cut = 200_000
    with pytest.raises(UserError, match=r"file\.tgz: cannot be downloaded .* bytes are kept in file"):
        fetch(published, file)
    assert not file.exists()
    server.cut = None
    fetch(published, file)
    assert file.read_bytes() == CONTENT
    assert server.starts[0] == 0
    assert 100_000 < server.starts[1] <= 200_000
    assert [path.name for path in tmp_path.iterdir()] == ["file.tgz"]


@pytest.mark.parametrize("name", ["ETag", "Last-Modified"], ids=["by its tag", "by its date"])
@pytest.mark.parametrize("changed", [False, True], ids=["the same edition", "another edition"])
def test_a_file_of_unknown_size_is_resumed_as_long_as_the_site_has_the_same_edition(tmp_path, server, name, changed):
    unknown = Download(url=f"http://127.0.0.1:{server.server_port}/file.bin", page="https://example.org/files")
    server.cut, server.edition = 200_000, {name: '"first"'}
    with pytest.raises(UserError, match=r"bytes are kept in file\.bin\.part"):
        fetch(unknown, tmp_path / "file.bin")
    server.cut = None
    if changed:
        server.content, server.edition = CONTENT[::-1], {name: '"second"'}
    fetch(unknown, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == server.content
    assert (server.starts[1] == 0) == changed
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]


def test_a_file_of_unknown_size_starts_anew_where_the_site_names_no_edition(tmp_path, server):
    unknown = Download(url=f"http://127.0.0.1:{server.server_port}/file.bin", page="https://example.org/files")
    (tmp_path / "file.bin.part").write_bytes(b"of another edition")
    fetch(unknown, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert server.starts == [0]


def test_what_cannot_be_compared_is_said(tmp_path, server, capsys):
    unknown = Download(url=f"http://127.0.0.1:{server.server_port}/file.bin", page="https://example.org/files")
    for said in [r"256,000 bytes, sha256 \w{64}; ", "file.bin: "]:
        fetch(unknown, tmp_path / "file.bin")
        assert re.search(f"{said}it cannot be compared with the published file", capsys.readouterr().out)
    assert openi.DOWNLOADS[openi.IMAGES].sha256 is None, "the case of the images of OpenI"


def test_the_page_of_a_login_is_not_taken_for_an_archive(tmp_path, server):
    server.content = b"<!DOCTYPE html><title>Welcome to our wireless</title>"
    unknown = Download(url=f"http://127.0.0.1:{server.server_port}/file.tgz", page="https://example.org/files")
    with pytest.raises(UserError, match=r"is no gzip archive \(it begins with b'<!DOCTYPE html>.*It was deleted"):
        fetch(unknown, tmp_path / "file.tgz")
    assert list(tmp_path.iterdir()) == []


def test_a_complete_part_only_needs_its_check(tmp_path, published):
    (tmp_path / "file.tgz.part").write_bytes(CONTENT)
    fetch(published, tmp_path / "file.tgz")
    assert (tmp_path / "file.tgz").read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_started_again(tmp_path, published):
    (tmp_path / "file.tgz.part").write_bytes(CONTENT + b"more")
    with pytest.raises(UserError, match=r"longer than the file and has been deleted.*Nothing was received"):
        fetch(published, tmp_path / "file.tgz")
    fetch(published, tmp_path / "file.tgz")
    assert (tmp_path / "file.tgz").read_bytes() == CONTENT


@pytest.mark.parametrize("wrong", [{"sha256": "0" * 64}, {"bytes": 7}])
def test_a_download_that_is_not_the_published_file_is_deleted(tmp_path, published, wrong):
    with pytest.raises(UserError, match=r"has (sha256|256,000 bytes).*published file.*https://example\.org/files"):
        fetch(Download(**vars(published) | wrong), tmp_path / "file.tgz")
    assert list(tmp_path.iterdir()) == []


def test_an_unreachable_site_is_reported_with_the_page_of_the_file(tmp_path):
    nowhere = Download(url="http://127.0.0.1:9/file.tgz", page="https://example.org/files")
    with pytest.raises(UserError, match=r"get file\.tgz from https://example\.org/files and put it into"):
        fetch(nowhere, tmp_path / "file.tgz")


def test_a_file_that_is_there_is_checked_and_used(tmp_path, server, published, capsys):
    (tmp_path / "file.tgz").write_bytes(CONTENT)
    fetch(published, tmp_path / "file.tgz")
    assert "is the published file; used as it is" in capsys.readouterr().out
    (tmp_path / "file.tgz").write_bytes(b"mine")
    fetch(published, tmp_path / "file.tgz")
    assert "has 4 bytes, the published file 256,000; used as it is" in capsys.readouterr().out
    assert (tmp_path / "file.tgz").read_bytes() == b"mine"
    assert server.starts == []


def test_another_edition_is_recorded_as_rejected_input(tmp_path):
    raw = tmp_path / "openi"
    raw.mkdir()
    (raw / "NLMCXR_reports.tgz").write_bytes(b"mine")
    ((what, name, reason),) = compare_with_published("openi", openi, raw, ["NLMCXR_reports.tgz"])
    assert (what, name) == ("raw file", "NLMCXR_reports.tgz")
    assert reason.startswith("has 4 bytes, the published file 1,112,632")
    assert compare_with_published("openi", openi, raw.rename(tmp_path / "demo"), ["NLMCXR_reports.tgz"]) == []
