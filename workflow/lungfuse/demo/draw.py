"""The raw files of the demo study, in the formats of OpenI and of the public lung-mask set: drawn, not patients."""

import csv
import gzip
import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from lxml import etree
from PIL import Image

from lungfuse.demo.chest import draw_frontal, draw_lateral
from lungfuse.demo.evidence import MISSING, Evidence, best_accuracy, draw_evidence, draw_patient
from lungfuse.demo.wording import Wording, write_report
from lungfuse.files import atomic_write, sha256
from lungfuse.parameters import options
from lungfuse.plan.names import MANIFEST
from lungfuse.processor import keep_freed_memory
from lungfuse.tables.base import write_table
from lungfuse.tables.ingest import KnownEvidence

SHARES = {"normal": 0.46, "lung": 0.36, "other": 0.18}
REPEATED_TEXT = 0.20
EMPTY_FINDINGS = 0.08
NO_IMAGES = 0.03
SECOND_FRONTAL = 0.05
LATERAL = 0.90
PX = 192


@dataclass(frozen=True)
class DrawnStudy:
    """A study to draw: its number, class, evidence, report, and the views of its images by image id."""

    number: int
    label: str
    evidence: Evidence
    wording: Wording
    views: dict[str, str]


@options
class RawFiles:
    """The raw files of the demo.

    Parameters
    ----------
    reports_archive
        Output: XML reports, as NLMCXR_reports.tgz.
    images_archive
        Output: PNG images, as NLMCXR_png.tgz.
    projections
        Output: the views of the images, as indiana_projections.csv.
    patients
        Output: age, sex and C-reactive protein of the patients, as patients.csv.
    evidence_table
        Output: what shows the class of each report, as evidence.csv.
    evidence_archive
        Output: where it lies in each frontal image, as PNG masks, evidence.tgz.
    """

    reports_archive: Path
    images_archive: Path
    projections: Path
    patients: Path
    evidence_table: Path
    evidence_archive: Path


def main(*, files: RawFiles, lung_masks: Path, studies: int = 900, masks: int = 120, seed: int = 2) -> None:
    """Draw the demo.

    Parameters
    ----------
    files
        The raw files.
    lung_masks
        Output: folder with CXR_png/ and masks/, and manifest.csv with the SHA-256 of each of their files.
    studies
        Number of studies.
    masks
        Number of images with a lung mask.
    seed
        Seed of everything drawn.
    """
    keep_freed_memory()
    plan, images, lungs, known = (np.random.default_rng([seed, part]) for part in range(4))
    drawn, evidence = plan_studies(plan, studies), {}
    write_archive(
        files.reports_archive, ((f"ecgen-radiology/{study.number}.xml", report_xml(study)) for study in drawn)
    )
    write_archive(files.images_archive, draw_images(images, drawn, evidence))
    write_archive(files.evidence_archive, evidence.items())
    write_evidence(files.evidence_table, drawn)
    write_projections(files.projections, drawn)
    write_patients(files.patients, known, drawn)
    _write_lung_masks(lung_masks, lungs, masks)
    print(f"{studies} studies and {masks} lung masks drawn: not patients")
    print("best accuracy possible: " + ", ".join(f"{what} {value:.3f}" for what, value in best_accuracy().items()))


def plan_studies(rng: np.random.Generator, count: int) -> list[DrawnStudy]:
    """Plan the studies: evidence, reports and views, with all that the filters of a study have to handle.

    There are laterals, reports without images, other diseases, empty findings, repeated texts, second frontals, an
    image without a view, and the odd spelling of the image names of study 1.
    """
    studies: list[DrawnStudy] = []
    said: dict[tuple, list[Wording]] = {}
    numbers = np.sort(rng.choice(np.arange(2, 2 * count), count - 1, replace=False))
    for number in [1, *map(int, numbers)]:
        label = str(rng.choice(list(SHARES), p=list(SHARES.values())))
        evidence = draw_evidence(rng, label if label in ("normal", "lung") else "normal")
        earlier = said.setdefault((label, evidence.written, evidence.kind), [])
        if earlier and rng.random() < REPEATED_TEXT:
            wording = earlier[rng.integers(len(earlier))]
        else:
            wording = write_report(rng, label, evidence)
            earlier.append(wording)
        if rng.random() < EMPTY_FINDINGS:
            wording = Wording(**{**vars(wording), "findings": ""})
        studies.append(DrawnStudy(number, label, evidence, wording, _views(rng, number)))
    return studies


def _views(rng: np.random.Generator, number: int) -> dict[str, str]:
    if number > 1 and rng.random() < NO_IMAGES:
        return {}
    views = ["Frontal"] * (2 if rng.random() < SECOND_FRONTAL else 1)
    if rng.random() < LATERAL:
        views.append("Lateral")
    prefix = "CXR1_1_IM-0001" if number == 1 else f"CXR{number}_IM-{rng.integers(1, 2500):04d}"
    return {f"{prefix}-{1001 + 1000 * (view == 'Lateral') + place}": view for place, view in enumerate(views)}


def report_xml(study: DrawnStudy) -> bytes:
    """The report of a study as OpenI has it."""
    root = etree.Element("eCitation")
    etree.SubElement(root, "meta", type="rr")
    etree.SubElement(root, "uId", id=f"CXR{study.number}")
    etree.SubElement(root, "pmcId", id=str(study.number))
    etree.SubElement(root, "docSource").text = "CXR"
    etree.SubElement(root, "IUXRId", id=str(study.number))
    etree.SubElement(root, "licenseType").text = "Apache-2.0"
    etree.SubElement(root, "publisher").text = "lungfuse: drawn images and written reports, not patients"
    article = etree.SubElement(etree.SubElement(root, "MedlineCitation"), "Article")
    etree.SubElement(article, "ArticleTitle").text = "lungfuse demo"
    abstract = etree.SubElement(article, "Abstract")
    for section in ["comparison", "indication", "findings", "impression"]:
        etree.SubElement(abstract, "AbstractText", Label=section.upper()).text = getattr(study.wording, section) or None
    mesh = etree.SubElement(root, "MeSH")
    for kind in ["major", "automatic"]:
        for heading in getattr(study.wording, kind):
            etree.SubElement(mesh, kind).text = heading
    for figure, image_id in enumerate(study.views, 1):
        image = etree.SubElement(root, "parentImage", id=image_id)
        etree.SubElement(image, "figureId").text = f"F{figure}"
        etree.SubElement(image, "caption").text = "Drawn chest, frontal and lateral"
        etree.SubElement(etree.SubElement(image, "panel", type="single"), "url").text = f"/drawn/{image_id}.png"
    return etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True)


def draw_images(
    rng: np.random.Generator, studies: list[DrawnStudy], evidence: dict[str, bytes], px: int = PX
) -> Iterable[tuple[str, bytes]]:
    """Name and PNG of `px` by `px` pixels of each image of the studies.

    `evidence` gets the PNG of where a frontal image holds it.
    """
    for study in studies:
        opacities = int(rng.integers(0, 2) + (study.label == "other"))
        for image_id, view in study.views.items():
            volume = study.evidence.volume
            if view == "Frontal":
                drawn = draw_frontal(rng, volume, opacities, px)
                evidence[f"{image_id}.png"] = encode_png(drawn.evidence)
                yield f"{image_id}.png", encode_png(drawn.pixels)
            else:
                yield f"{image_id}.png", encode_png(draw_lateral(rng, volume, px))


def write_projections(path: Path, studies: list[DrawnStudy]) -> None:
    """The views of the images of the studies, but for the last one."""
    rows = [(study.number, image_id, view) for study in studies for image_id, view in study.views.items()]
    *known, _without_view = rows
    with atomic_write(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["uid", "filename", "projection"])
        for number, image_id, view in known:
            name = image_id.removeprefix("CXR1_" if number == 1 else "CXR")
            writer.writerow([number, f"{name}.dcm.png", view])


def write_patients(path: Path, rng: np.random.Generator, studies: list[DrawnStudy]) -> None:
    """What is known of the patient of each study; those with another disease are as those with none."""
    rows = [
        {"report_id": f"CXR{study.number}"} | draw_patient(rng, "lung" if study.label == "lung" else "normal")
        for study in studies
    ]
    with atomic_write(path) as stream:
        pd.DataFrame(rows).to_csv(stream, index=False, lineterminator="\n")


def write_evidence(path: Path, studies: list[DrawnStudy]) -> None:
    """What shows the class of each study: the signs of lung disease in its images and findings, and columns.

    A study without a sign has none to show that: what speaks for normal there is that no sign is anywhere.
    """
    rows = [
        {"report_id": f"CXR{study.number}", "label": "lung", "image": study.evidence.drawn}
        | {"text": study.wording.evidence if study.wording.findings else "", "columns": " ".join(MISSING)}
        for study in studies
    ]
    write_table(pd.DataFrame(rows), path, KnownEvidence)


def _write_lung_masks(folder: Path, rng: np.random.Generator, count: int) -> None:
    """Half in the names of the Shenzhen set, half in those of the Montgomery set."""
    written = []
    for number in range(1, count + 1):
        shenzhen = number <= count // 2
        label = number % 2
        pixels, mask, _ = draw_frontal(rng, rng.normal(1, 0.15 + 0.05 * label), 2 * label, PX)
        name = f"{'CHNCXR' if shenzhen else 'MCUCXR'}_{number:04d}_{label}"
        for path, data in [
            (folder / "CXR_png" / f"{name}.png", encode_png(pixels)),
            (folder / "masks" / f"{name}{'_mask' if shenzhen else ''}.png", encode_png(mask)),
        ]:
            with atomic_write(path, "wb") as stream:
                stream.write(data)
            written.append({"file": path.relative_to(folder), "sha256": sha256(path)})
    with atomic_write(folder / MANIFEST) as stream:
        pd.DataFrame(written).to_csv(stream, index=False)


def encode_png(pixels: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "png", compress_level=1)
    return data.getvalue()


def write_archive(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """A gzipped tar with the same bytes on every run."""
    with (
        atomic_write(path, "wb") as stream,
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=stream, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
