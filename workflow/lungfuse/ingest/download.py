"""Raw files from the net, resumed where an earlier download stopped."""

import sys
from collections.abc import Mapping
from pathlib import Path

import requests
from tqdm import tqdm

from lungfuse.datasets import Dataset, Download, load_dataset
from lungfuse.errors import UserError
from lungfuse.files import sha256

CHUNK = 1 << 16  # bytes; a broken connection loses less than one
GZIP = (".tgz", ".gz")
TIMEOUT = (10, 60)  # seconds to connect, seconds without a byte


def main(*, dataset: str, file: Path) -> None:
    """Fetch a raw file, or check the one that is there.

    Parameters
    ----------
    dataset
        Name of the dataset.
    file
        Output: the raw file, under the name the dataset knows.
    """
    fetch(load_dataset(dataset).DOWNLOADS[file.name], file)


def fetch(download: Download, file: Path) -> None:
    """Make sure that `file` is there and whole.

    A file already there is used as it is; one that is not the published edition is reported. A new one is collected
    in `<file>.part`, where the next call resumes, and takes its name only once its size and sha256 are right.

    Raises:
        UserError: the site cannot be reached, or what it sends is not the published file.
    """
    if file.exists():
        print(f"{file}: {_difference(download, file) or _known(download)}; used as it is")
        return
    part = file.with_name(file.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        _transfer(download, part)
    except (requests.RequestException, OSError) as error:
        raise UserError(
            f"{file}: cannot be downloaded from {download.url} ({error}). {_have(part)} Run again to resume, "
            f"or get {file.name} from {download.page} and put it into {file.parent}."
        ) from error
    _edition_file(part).unlink(missing_ok=True)
    if difference := _difference(download, part):
        part.unlink()
        raise UserError(
            f"{file}: the download from {download.url} {difference}. It was deleted. Run again, "
            f"or get {file.name} from {download.page} and put it into {file.parent}."
        )
    part.replace(file)
    print(f"{file}: {file.stat().st_size:,} bytes, sha256 {sha256(file)}; {_known(download)}")


def compare_with_published(dataset: str, source: Dataset, raw: Path, files: list[str]) -> list[tuple[str, str, str]]:
    """What is not the published edition among the raw files of a dataset, rows of `lungfuse.tables.ingest.Rejected`.

    Only the folder named after the dataset holds published files; any other is a collection of its own.
    """
    downloads = source.DOWNLOADS
    if raw.name != dataset:
        return []
    rows = []
    for name in [name for name in files if name in downloads and (raw / name).exists()]:
        if difference := _difference(downloads[name], raw / name):
            rows.append(("raw file", name, f"{difference}; used as it is"))
            print(f"warning: {raw / name}: {difference}; used as it is", file=sys.stderr)
    return rows


def _transfer(download: Download, part: Path) -> None:
    start = part.stat().st_size if part.exists() else 0
    kept = _edition_file(part)
    edition = kept.read_text(encoding="utf-8") if kept.exists() else ""
    if not edition and download.sha256 is None:
        start = 0  # nothing would show that the site has another edition by now
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-"} | ({"If-Range": edition} if edition else {})
    with requests.get(download.url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            if response.headers.get("Content-Range") == f"bytes */{start}":
                return  # everything is there already
            part.unlink()
            kept.unlink(missing_ok=True)
            raise requests.RequestException(f"{part.name} was longer than the file and has been deleted")
        response.raise_for_status()
        if response.status_code != requests.codes.partial_content:
            start = 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else download.bytes
        with (
            part.open("ab" if start else "wb") as stream,
            tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=part.stem, mininterval=1) as progress,
        ):
            kept.write_text(_edition(response.headers), encoding="utf-8")  # an older part is gone by now
            for chunk in response.iter_content(CHUNK):
                stream.write(chunk)
                progress.update(len(chunk))
        if total and part.stat().st_size != total:
            raise requests.ConnectionError(f"connection closed after {part.stat().st_size:,} of {total:,} bytes")


def _edition_file(part: Path) -> Path:
    """Beside a part of a file, what the site calls the edition that it is of."""
    return part.with_name(part.name + ".edition")


def _edition(headers: Mapping[str, str]) -> str:
    """What `If-Range` takes (RFC 9110, 13.1.5): a strong entity tag, or the date of the file."""
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")


def _known(download: Download) -> str:
    if download.sha256 is None:
        return "it cannot be compared with the published file, whose size and sha256 are unknown"
    return "is the published file"


def _difference(download: Download, file: Path) -> str:
    bytes_ = file.stat().st_size
    if download.sha256 is None and file.name.removesuffix(".part").endswith(GZIP) and not _is_gzip(file):
        return f"is no gzip archive (it begins with {_beginning(file)[:40]!r}), perhaps the page of a login"
    if download.bytes is not None and bytes_ != download.bytes:
        return f"has {bytes_:,} bytes, the published file {download.bytes:,}"
    if download.sha256 is not None and (digest := sha256(file)) != download.sha256:
        return f"has sha256 {digest}, the published file {download.sha256}"
    return ""


def _is_gzip(file: Path) -> bool:
    return _beginning(file).startswith(b"\x1f\x8b")


def _beginning(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(64)


def _have(part: Path) -> str:
    return f"{part.stat().st_size:,} bytes are kept in {part.name}." if part.exists() else "Nothing was received."
