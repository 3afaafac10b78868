"""Reading the files of a gzipped tar, as a stream and nothing unpacked to disk, or of a folder."""

import gzip
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lungfuse.errors import UserError


@dataclass(frozen=True)
class Member:
    """A file of an archive: its `data`, or the `problem` that kept it from being read.

    `stem` is what the image in it is called: its name without folders and suffix unless the dataset says other.
    """

    name: str
    data: bytes
    problem: str = ""
    stem: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "stem", self.stem or PurePosixPath(self.name).stem)


class _Header(tarfile.TarInfo):
    """The head of a member. One that is broken or missing is an error; the library takes it for the archive's end."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> tarfile.TarInfo:
        try:
            return super().fromtarfile(tar)
        except tarfile.EOFHeaderError:
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"{error} where a file or the archive's end should be") from error


def read_members(archive: Path, suffix: str | Sequence[str], max_bytes: int) -> Iterator[Member]:
    """Yield the files of `archive` that end in a suffix, in archive order, one in memory at a time.

    `suffix` is one or several, in lower case; the case of names does not count. A member with an unsafe path, that is
    a link or device, or is larger than `max_bytes` comes without data.

    Raises:
        UserError: the archive is missing, truncated or corrupt, or something follows its end; known only once its end
            has been read.
    """
    count = 0
    try:
        with gzip.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as tar:
            for info in tar:
                tar.members.clear()  # where the library would keep every member it has seen
                if info.isdir() or not _ends(info.name, suffix):
                    continue
                count += 1
                problem = _problem(info, max_bytes)
                yield Member(info.name, b"" if problem else tar.extractfile(info).read(), problem)
            while rest := tar.fileobj.read(1 << 20):  # to the very end, where the checksum is
                if rest.strip(b"\0"):
                    raise tarfile.ReadError("something follows its end, as where two archives are joined")
    except FileNotFoundError:
        raise UserError(
            f"{archive}: {_absent(archive)}. Put the archive there, or let the workflow download it."
        ) from None
    except (IsADirectoryError, PermissionError) as error:
        raise UserError(f"{archive}: cannot be read ({error.strerror}); expected a gzipped tar.") from error
    except (EOFError, gzip.BadGzipFile, zlib.error, tarfile.TarError) as error:
        raise UserError(
            f"{archive}: truncated or corrupt after {count} {' or '.join(_suffixes(suffix))} files ({error}); expected "
            f"a complete gzipped tar. It has {archive.stat().st_size:,} bytes. Delete it and download it again."
        ) from error


def read_folder(folder: Path, suffix: str | Sequence[str], max_bytes: int) -> Iterator[Member]:
    """Yield the files of `folder` that end in a suffix, in the order of their names, one in memory at a time.

    `suffix` is one or several, in lower case; the case of names does not count. What cannot be read, or is larger than
    `max_bytes`, comes without data.

    Raises:
        UserError: the folder is missing, or no file in it has such a name.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: {_absent(folder)}. Expected a folder with {' or '.join(_suffixes(suffix))} files.")
    paths = files_of(folder, suffix)
    if not paths:
        others = sorted(path.name for path in folder.iterdir())
        found = ", ".join(others[:3]) + (f" and {len(others) - 3:,} more" if len(others) > 3 else "")
        raise UserError(f"{folder}: no {' or '.join(_suffixes(suffix))} file found; it holds {found or 'nothing'}.")
    for path in paths:
        yield read_file(path, max_bytes)


def files_of(folder: Path, suffix: str | Sequence[str]) -> list[Path]:
    """The files of a folder that end in a suffix, see `read_folder`, by name; none where there is no folder."""
    return sorted(path for path in folder.iterdir() if _ends(path.name, suffix)) if folder.is_dir() else []


def read_file(path: Path, max_bytes: int) -> Member:
    """A file; one that cannot be read, or is larger than `max_bytes`, comes without data."""
    if not path.is_file():
        return Member(path.name, b"", "is a folder or device, not a file" if path.exists() else _absent(path))
    try:
        problem = too_large(path.stat().st_size, max_bytes)
        return Member(path.name, b"" if problem else path.read_bytes(), problem)
    except OSError as error:
        return Member(path.name, b"", f"cannot be read ({error.strerror})")


def _ends(name: str, suffix: str | Sequence[str]) -> bool:
    return name.lower().endswith(_suffixes(suffix))


def _suffixes(suffix: str | Sequence[str]) -> tuple[str, ...]:
    return (suffix,) if isinstance(suffix, str) else tuple(suffix)


def _absent(path: Path) -> str:
    return f"is a link to {path.readlink()}, which is not there" if path.is_symlink() else "not found"


def _problem(info: tarfile.TarInfo, max_bytes: int) -> str:
    path = PurePosixPath(info.name)
    if path.is_absolute() or ".." in path.parts:
        return "its path leads out of the archive"
    if not info.isreg():
        return "is a link or device, not a file"
    return too_large(info.size, max_bytes)


def too_large(found: int, allowed: int) -> str:
    """What is wrong with a file of so many bytes; empty where nothing is."""
    return f"has {found:,} bytes, more than the {allowed:,} allowed" if found > allowed else ""
