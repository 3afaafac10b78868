"""Images found by what the cells of a table say: paths of any kind, or bare names."""

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from lungfuse.archive import Member, read_file, too_large
from lungfuse.errors import UserError
from lungfuse.files import files_below
from lungfuse.sheets import seen

IS_ENCRYPTED, IS_UTF8 = 0x1, 0x800  # flags of a file in a .zip file
SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".jp2", ".dcm", ".dicom"}


@dataclass(frozen=True)
class ImageFile:
    """A file of images: `path` is that of the file or of the .zip file that holds it under `name`.

    `called` is that name as it was meant: many programs write UTF-8 into a .zip file without the mark that says so.
    """

    path: Path
    name: str
    size: int = 0
    called: str = ""


class ImageFiles:
    """The image files in some folders, with what lies below these, and .zip files of a raw folder.

    Files with another suffix than those of images are left out; DICOM files often have none.
    """

    def __init__(self, raw: Path, places: Iterable[str]) -> None:
        """Look through the places, folders and .zip files in `raw`.

        Raises:
            UserError: a place is missing, is no .zip file, or none holds an image.
        """
        self.raw, self.places = raw, list(places)
        self.files = sorted((file for place in self.places for file in _files_in(raw / place)), key=_order)
        if not self.files:
            raise UserError(
                f"{', '.join(str(raw / place) for place in self.places)}: no image found; expected files that end in "
                f"{', '.join(sorted(SUFFIXES))}, or in nothing. Name the folder or .zip file that holds them."
            )
        self._opened: dict[Path, zipfile.ZipFile] = {}
        self.by_tail: dict[str, list[int]] = {}
        for number, file in enumerate(self.files):
            for tail in _tails(self._parts(file)):
                for spelled in dict.fromkeys([tail, without_suffix(tail)]):
                    self.by_tail.setdefault(spelled, []).append(number)

    def find(self, cells: Iterable[str]) -> dict[str, ImageFile | str]:
        """The file that each of the cells of a column names, or what is wrong with a cell.

        A cell is a path whose end fits that of a file; folders at its beginning count, but for those that all cells
        share, as where paths are those of another machine. Where no two cells share a name, the name is enough. Case
        does not count unless files differ in nothing else, nor does the suffix of an image where no file has it; `\\`
        is read as `/`, and of an address the path counts.
        """
        parts = {cell: _path_parts(cell) for cell in cells}
        paths = [found for found in parts.values() if found]
        shared = _shared([found[:-1] for found in paths])
        alone = len({found[-1].casefold() for found in paths}) == len({tuple(found) for found in paths})
        return {cell: self._find(cell, found, shared, alone) for cell, found in parts.items()}

    def read(self, files: Iterable[ImageFile], max_bytes: int) -> Iterator[Member]:
        """Yield the content of files, one in memory at a time; what cannot be read comes with its problem."""
        for file in files:
            yield _member(self._archive(file.path), file, max_bytes) if file.name else read_file(file.path, max_bytes)

    def _archive(self, path: Path) -> zipfile.ZipFile:
        """A .zip file, opened once: its list of files is long."""
        if path not in self._opened:
            self._opened[path] = zipfile.ZipFile(path)
        return self._opened[path]

    def _find(self, cell: str, parts: list[str], shared: int, alone: bool) -> ImageFile | str:
        starts = [*range(min(shared + 1, len(parts))), *([len(parts) - 1] if alone and parts else [])]
        for start in starts:
            tail = "/".join(parts[start:]).casefold()
            for spelled in dict.fromkeys([tail, without_suffix(tail)]):
                if numbers := self.by_tail.get(spelled):
                    return self._only(numbers, parts, spelled)
        return f"no file is called {cell!r} in {' or '.join(self.places)}"

    def _parts(self, file: ImageFile) -> list[str]:
        parts = [*file.path.relative_to(self.raw).parts, *PurePosixPath(file.called or file.name).parts]
        return [seen(part) for part in parts]

    def _only(self, numbers: list[int], parts: list[str], spelled: str) -> ImageFile | str:
        """The file that is meant where several fit: the one with the same case, or the one that all are."""
        if len(numbers) > 1:
            length = spelled.count("/") + 1
            wanted = "/".join(parts[-length:])
            same = ["/".join(self._parts(self.files[number])[-length:]) for number in numbers]
            spellings = [(name, without_suffix(name)) for name in same]
            exact = [number for number, names in zip(numbers, spellings, strict=True) if wanted in names]
            numbers = exact if len(exact) == 1 else numbers
        if len({(self.files[number].path.resolve(), self.files[number].name) for number in numbers}) == 1:
            return self.files[numbers[0]]
        if len(numbers) > 1:
            found = ", ".join("/".join(self._parts(self.files[number])) for number in numbers[:3])
            return f"{len(numbers)} files are called so: {found}; name the folder, too"
        return self.files[numbers[0]]


def _files_in(place: Path) -> Iterator[ImageFile]:
    if place.is_dir():
        for path in files_below(place):
            if _is_image(PurePosixPath(path.relative_to(place))):
                yield ImageFile(path, "")
        return
    try:
        with zipfile.ZipFile(place) as archive:
            infos = {info.filename: info for info in archive.infolist() if not info.is_dir()}  # the last of a name
    except FileNotFoundError:
        raise UserError(f"{place}: not found. Expected a folder or a .zip file with the images.") from None
    except (zipfile.BadZipFile, OSError) as error:
        raise UserError(
            f"{place}: cannot be read ({error}). Expected a folder or a whole .zip file of images."
        ) from error
    if any(info.flag_bits & IS_ENCRYPTED for info in infos.values()):
        raise UserError(f"{place}: is encrypted. Unpack it with its password, and name the folder.")
    for info in infos.values():
        called = _meant(info).replace("\\", "/")  # as some programs of Windows write folders
        if _is_image(PurePosixPath(called)):
            yield ImageFile(place, info.filename, info.file_size, called)


def _meant(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & IS_UTF8 or info.filename.isascii():
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _is_image(name: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in name.parts)
    return not hidden and name.suffix.lower() in SUFFIXES | {""}


def _member(archive: zipfile.ZipFile, file: ImageFile, max_bytes: int) -> Member:
    if problem := too_large(file.size, max_bytes):
        return Member(file.name, b"", problem)
    try:
        return Member(file.name, archive.read(file.name))
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError) as error:
        return Member(file.name, b"", f"cannot be read from {file.path.name} ({error})")


def _order(file: ImageFile) -> tuple[str, str]:
    return str(file.path), file.name


def path_of(cell: str) -> str:
    """The path that a cell of a table says, with `/` between its parts; of an address without what is asked there."""
    return (unquote(urlsplit(cell).path) if "://" in cell else cell).replace("\\", "/")


def _path_parts(cell: str) -> list[str]:
    return [part for part in seen(path_of(cell)).split("/") if part not in ("", ".")]


def _shared(folders: list[list[str]]) -> int:
    """How many parts at the beginning all paths share."""
    levels = zip(*folders, strict=False)
    return sum(1 for _ in takewhile(lambda parts: len(set(parts)) == 1, levels))


def _tails(parts: list[str]) -> Iterator[str]:
    """The ends of a path in lower case, the longest first."""
    folded = [part.casefold() for part in parts]
    for start in range(len(folded)):
        yield "/".join(folded[start:])


def without_suffix(path: str) -> str:
    """A path without the suffix of an image."""
    suffix = PurePosixPath(path).suffix
    return path.removesuffix(suffix) if suffix.lower() in SUFFIXES else path
