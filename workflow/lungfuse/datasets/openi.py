"""The Indiana University chest X-ray collection (OpenI): 3,955 reports, 7,470 PNG images.

It is read as the library publishes it, two archives, or as the Kaggle edition has it, a table of the 3,851 reports with
images beside a folder of the 7,466 images whose view is known. Both give the same names: those of the library.

Views (frontal or lateral) come from the projections table of the Kaggle edition; the DICOM tags are unreliable. Of the
other tags, where their table is there, age is read, and for audits alone what describes the device.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
from lxml import etree
from pandera.typing import Series

from lungfuse.archive import Member, read_folder, read_members
from lungfuse.datasets import Collection, Download, Source
from lungfuse.datasets._openi_tags import COLUMNS, PAGE, TAGS, values_of
from lungfuse.errors import UserError
from lungfuse.tables.base import Table, read_table
from lungfuse.tables.ingest import SECTIONS, rejected_table

__all__ = ["COLUMNS"]

REPORTS = "NLMCXR_reports.tgz"
IMAGES = "NLMCXR_png.tgz"
PROJECTIONS = "indiana_projections.csv"
KAGGLE_REPORTS, KAGGLE_IMAGES = "indiana_reports.csv", "images/images_normalized"

SOURCE = Source(
    name="Indiana University chest X-ray collection (OpenI)",
    page="https://openi.nlm.nih.gov/faq#collection",
    citation="Demner-Fushman et al., Preparing a collection of radiology examinations for distribution and retrieval, "
    "JAMIA 23(2), 2016, https://doi.org/10.1093/jamia/ocv080",
    licence="CC BY-NC-ND 4.0, stated in each report",
    biases=(
        "A MeSH heading with the word Lung joins two opposite states: of the 558 such reports with an image, 284 have "
        "too little air in the lungs (hypoinflation), 210 too much (hyperdistention) and 64 neither. It does not mean "
        "lung disease in general: pneumonia, effusion or opacity without that word are in neither class.",
        "Normal means that nothing at all was found, so the classes are further apart than patients in a clinic.",
        "The findings and the impression were written by someone who had seen the image, and state the class; the "
        "indication alone was written before.",
        "Many reports say the same: 280 of 949 share their findings with another, mostly normal ones.",
        "Where the first reports are taken to balance the classes, normal ones have lower numbers than others and may "
        "have been acquired earlier.",
        "One network of hospitals in one American state; sex is not given.",
        "Age is that between the birth date and the study date of the DICOM tags, which may have been shifted to "
        "protect patients. Alone it separates lung from normal with an AUROC of .76.",
        "Words removed to protect patients are XXXX. The view is that of a table made for the Kaggle edition.",
    ),
)
REPORT_FILES = [REPORTS, PROJECTIONS]
VALUE_FILES = [TAGS]
IMAGE_FILES = [IMAGES]
DOWNLOADS = {
    REPORTS: Download(
        url="https://openi.nlm.nih.gov/imgs/collections/NLMCXR_reports.tgz",
        page="https://openi.nlm.nih.gov/faq#collection",
        sha256="8fb6de7eec73d8c3665067ad4bb003ccd57f971ae316d2642e1627ac7268667a",
        bytes=1_112_632,
    ),
    IMAGES: Download(  # neither size nor sha256 of it is published
        url="https://openi.nlm.nih.gov/imgs/collections/NLMCXR_png.tgz",
        page="https://openi.nlm.nih.gov/faq#collection",
    ),
    PROJECTIONS: Download(
        url="https://www.kaggle.com/api/v1/datasets/download/raddar/chest-xrays-indiana-university/indiana_projections.csv",
        page="https://www.kaggle.com/datasets/raddar/chest-xrays-indiana-university",
        sha256="7af9c8a6b4f8ae695c654ecd4208edd193a37892a5607b7cb9e609dc997e6b7a",
        bytes=289_397,
    ),
    TAGS: Download(
        url="https://raw.githubusercontent.com/mlmed/torchxrayvision/be4e63debe1cdb3fb1284ba5659d1d16aebbd35e/"
        "torchxrayvision/nlmcxr_dicom_metadata.csv.gz",
        page=PAGE,
        sha256="996c7d7a23b6bef51b1308dfa9671fb59b00e67c8928f7ff45cc002ca16ebf3e",
        bytes=955_593,
    ),
}
SITES: dict[str, str] = {}
SECTIONS_KNOWN = {  # the radiologist who reads the image writes all but the reason for it
    "indication": "before_image",
    "comparison": "with_report",
    "findings": "with_report",
    "impression": "with_report",
}
VIEWS = ["Frontal", "Lateral"]
UNINDEXED = "No Indexing"  # the only heading of reports that nobody has indexed: it says nothing of the patient

MAX_REPORT_BYTES = 4 << 20
MAX_IMAGE_BYTES = 64 << 20


class KaggleReports(Table):
    """The reports of the Kaggle edition; `uid` is the number of the report, `MeSH` has the major headings."""

    uid: Series[str]
    MeSH: Series[str]
    comparison: Series[str]
    indication: Series[str]
    findings: Series[str]
    impression: Series[str]


class Projections(Table):
    """The projections table: `filename` is the image id without its CXR and with .dcm.png."""

    uid: Series[str]
    filename: Series[str]
    projection: Series[str]


def report_files(raw: Path) -> list[str]:
    """The files of reports: those of the Kaggle edition where the folder has no archive but them; the tags if there."""
    reports = KAGGLE_REPORTS if _is_there_instead(raw, KAGGLE_REPORTS, REPORTS) else REPORTS
    return [reports, PROJECTIONS, *([TAGS] if (raw / TAGS).exists() else [])]


def image_files(raw: Path) -> list[str]:
    """The archive of images, or the folder of the Kaggle edition where there is that alone."""
    return [KAGGLE_IMAGES if _is_there_instead(raw, KAGGLE_IMAGES, IMAGES) else IMAGES]


def read_reports(raw: Path) -> Collection:
    """Read the reports, the projections table and the tags, where there are some, in the folder `raw`.

    Reports are ordered by their number. A report that cannot be read, and an image without a projection or named
    twice, are in the rejected table.

    Raises:
        UserError: a file is missing or corrupt, or a table lacks a column.
    """
    rejected: list[tuple[str, str, str]] = []
    read = _from_table if KAGGLE_REPORTS in report_files(raw) else _from_archive
    reports, views = read(raw, rejected)
    for report in reports:
        if not report["major"]:
            rejected.append(("report", report["report_id"], "no major MeSH heading: it belongs to no class"))
    reports = pd.DataFrame(reports, columns=["report_id", "major", "automatic", *SECTIONS])
    reports["major"] = reports["major"].replace(UNINDEXED, "")
    reports = _without_duplicates(reports, "report_id", "report", rejected)
    reports = reports.sort_values("report_id", key=_number, kind="stable", ignore_index=True)
    views = _without_duplicates(pd.DataFrame(views, columns=["image_id", "report_id"]), "image_id", "image", rejected)
    views["view"] = views["image_id"].map(_read_projections(raw / PROJECTIONS, rejected)).fillna("")
    unknown = ~views["view"].isin(VIEWS)
    for image_id, word in views.loc[unknown, ["image_id", "view"]].itertuples(index=False):
        found = f"projection {word!r}, which is neither {' nor '.join(VIEWS)}," if word else "no projection"
        rejected.append(("image", image_id, f"{found} in {PROJECTIONS}"))
    views.loc[unknown, "view"] = ""
    views["number"] = _number(views["report_id"])
    views = views.sort_values(["number", "image_id"], ignore_index=True).drop(columns="number")
    values = values_of(raw / TAGS, views)
    return Collection(reports.assign(patient=reports["report_id"], site=""), views, rejected_table(rejected), values)


def read_images(raw: Path) -> Iterator[Member]:
    """Yield the PNG files of the images in the folder `raw`; see `lungfuse.archive`."""
    if KAGGLE_IMAGES not in image_files(raw):
        return read_members(raw / IMAGES, ".png", MAX_IMAGE_BYTES)
    members = read_folder(raw / KAGGLE_IMAGES, ".png", MAX_IMAGE_BYTES)
    return (replace(member, stem=_image_id(member.name)) for member in members)


def _is_there_instead(raw: Path, name: str, of: str) -> bool:
    return (raw / name).exists() and not (raw / of).exists()


def _image_id(filename: str) -> str:
    """The name that the library has for an image of the Kaggle edition: there study 1 alone repeats its number."""
    stem = filename.removesuffix(".dcm.png")
    return f"CXR1_{stem}" if stem.startswith("1_") else f"CXR{stem}"


def _from_archive(raw: Path, rejected: list) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """The reports, and the images that they name."""
    reports, views = [], []
    for member in read_members(raw / REPORTS, ".xml", MAX_REPORT_BYTES):
        try:
            report, image_ids = _parse_report(member)
        except ValueError as error:
            rejected.append(("report", member.name, str(error)))
            continue
        reports.append(report)
        views += [{"image_id": image_id, "report_id": report["report_id"]} for image_id in image_ids]
    return reports, views


def _from_table(raw: Path, rejected: list) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """The reports of the Kaggle edition, and the images of its projections table, for they name none."""
    reports = read_table(raw / KAGGLE_REPORTS, KaggleReports)
    headings = reports["MeSH"].str.split(";").map(lambda names: "; ".join(name.strip() for name in names))
    sections = reports[SECTIONS].apply(lambda texts: texts.str.split().str.join(" "))
    reports = sections.assign(report_id="CXR" + reports["uid"], major=headings, automatic="")
    named = read_table(raw / PROJECTIONS, Projections).drop_duplicates("filename")
    views = pd.DataFrame({"image_id": named["filename"].map(_image_id), "report_id": "CXR" + named["uid"]})
    return reports.to_dict("records"), views.to_dict("records")


def _parse_report(member: Member) -> tuple[dict[str, str], list[str]]:
    if member.problem:
        raise ValueError(member.problem)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(member.data, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"is not valid XML ({error})") from error
    if root.getroottree().docinfo.doctype:
        raise ValueError("declares a document type; entities are not expanded")
    uid = root.find("uId")
    if uid is None or not uid.get("id"):
        raise ValueError("has no uId")
    sections = {
        text.get("Label", "").lower(): " ".join("".join(text.itertext()).split()) for text in root.iter("AbstractText")
    }
    report = {
        "report_id": uid.get("id"),
        "major": _headings(root, "major"),
        "automatic": _headings(root, "automatic"),
        **{section: sections.get(section, "") for section in SECTIONS},
    }
    image_ids = [image.get("id") for image in root.iterfind("parentImage")]
    if not all(image_ids):
        raise ValueError("names an image without id")
    return report, image_ids


def _headings(root: etree._Element, kind: str) -> str:
    return "; ".join((heading.text or "").strip() for heading in root.iterfind(f"MeSH/{kind}"))


def _read_projections(path: Path, rejected: list) -> dict[str, str]:
    """View of an image by its OpenI id: `CXR` and the file name, where study 1 repeats its number."""
    try:
        table = read_table(path, Projections)
    except UserError as error:
        raise UserError(f"{error} It can be had from {DOWNLOADS[PROJECTIONS].page}.") from error
    table = _without_duplicates(table, "filename", "projection", rejected)
    stems = table["filename"].str.removesuffix(".dcm.png")
    views = dict(zip("CXR" + stems, table["projection"], strict=True))
    return views | dict(zip("CXR" + table["uid"] + "_" + stems, table["projection"], strict=True))


def _without_duplicates(table: pd.DataFrame, key: str, what: str, rejected: list) -> pd.DataFrame:
    times = Counter(table[key])
    rejected += [(what, name, f"named {count} times; the first is used") for name, count in times.items() if count > 1]
    return table.drop_duplicates(key, ignore_index=True)


def _number(report_ids: pd.Series) -> pd.Series:
    return pd.to_numeric(report_ids.str.extract(r"(\d+)")[0]).fillna(-1)
