import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lungfuse.adapters import Download
from lungfuse.errors import UserError
from lungfuse.ingest.download import compare_with_published, fetch

CONTENT = bytes(range(256)) * 1000


class FileServer(BaseHTTPRequestHandler):
    """Serves CONTENT with ranges; cuts the connection after `server.cut` bytes when that is set."""

    def do_GET(self):
        start = int((re.match(r"bytes=(\d+)-", self.headers.get("Range", "")) or [0, 0])[1])
        self.server.starts.append(start)
        if start >= len(CONTENT):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(CONTENT)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start : self.server.cut])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), FileServer)
    server.starts, server.cut = [], None
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


def test_an_unreachable_site_is_told_with_the_page_of_the_file(tmp_path):
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
    ((what, name, reason),) = compare_with_published("openi", raw, ["NLMCXR_reports.tgz"])
    assert (what, name) == ("raw file", "NLMCXR_reports.tgz")
    assert reason.startswith("has 4 bytes, the published file 1,112,632")
    assert compare_with_published("openi", raw.rename(tmp_path / "demo"), ["NLMCXR_reports.tgz"]) == []
