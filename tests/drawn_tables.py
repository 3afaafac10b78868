"""Drawn files in the formats of the public sets that the studies read, at about a hundredth of their size."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from conftest import png, write_openi, write_tags, xml_report
from PIL import Image

DIAGNOSES = ["BCC", "ACK", "NEV", "SEK", "SCC", "MEL"]
SAID = ["itch", "grew", "hurt", "changed", "bleed", "elevation"]
GAPPY = ["smoke", "drink", "background_father", "background_mother", "pesticide", "gender", "skin_cancer_history"]
GAPPY += ["cancer_history", "has_piped_water", "has_sewage_system", "fitspatrick", "diameter_1", "diameter_2"]
LESIONS = ["nv", "mel", "bkl", "bcc", "akiec", "vasc", "df"]


def write_skin(raw: Path, lesions: int = 16) -> Path:
    """HAM10000: so many lesions of each class, every other one with two images, in two archives with a table.

    Masks, of three times the images' size, say that the lower half is lesion.
    """
    rng = np.random.default_rng(0)
    raw.mkdir(parents=True)
    rows, archives = [], [zipfile.ZipFile(raw / f"HAM10000_images_part_{n}.zip", "w") for n in [1, 2]]
    for number, dx in enumerate(LESIONS * lesions):
        for _ in range(1 + number % 2):
            image_id = f"ISIC_{len(rows):07d}"
            row = {"lesion_id": f"HAM_{number:07d}", "image_id": image_id, "dx": dx, "dx_type": "histo"}
            row |= {"age": float(rng.integers(30, 80)), "sex": "male" if number % 2 else "female"}
            rows.append(row | {"localization": ["back", "face", "unknown"][number % 3]})
            archives[len(rows) % 2].writestr(f"{image_id}.jpg", _jpeg(rng, 20 * LESIONS.index(dx)))
    pd.DataFrame(rows).to_csv(raw / "HAM10000_metadata.csv", index=False)
    for archive in archives:
        archive.close()
    with zipfile.ZipFile(raw / "HAM10000_segmentations_lesion_tschandl.zip", "w") as masks:
        for row in rows:
            masks.writestr(f"masks/{row['image_id']}_segmentation.png", png(120, 90))
    return raw


def write_pad(raw: Path, patients: int = 72) -> Path:
    """PAD-UFES-20: patients with one or two photographs; cancers were all biopsied, and some of what is benign.

    Thirteen columns are filled for what was biopsied alone; numbers of lesions begin anew with each ten patients.
    """
    rng = np.random.default_rng(0)
    (raw / "images").mkdir(parents=True)
    rows = []
    for number in range(patients):
        diagnostic = DIAGNOSES[number % 6]
        taken = diagnostic in ("BCC", "SCC", "MEL") or number % 5 == 0
        for image in range(1 + number % 2):
            name = f"PAT_{number}_{number % 10}_{image}.jpg"
            (raw / "images" / name).write_bytes(_jpeg(rng, 20 * DIAGNOSES.index(diagnostic)))
            row = {"patient_id": f"PAT_{number}", "lesion_id": number % 10, "diagnostic": diagnostic, "image": name}
            row |= {"age": rng.integers(20, 90), "region": ["FACE", "ARM", "BACK"][number % 3], "biopsed": taken}
            row |= dict.fromkeys(SAID, ["True", "False", "UNK"][rng.integers(3)])
            rows.append(row | dict.fromkeys(GAPPY, "1" if taken else ""))
    pd.DataFrame(rows).to_csv(raw / "metadata.csv", index=False)
    return raw


def write_covid(raw: Path, patients: int = 48) -> Path:
    """covid-chestxray-dataset: COVID-19 and other pneumonias, outcomes often blank, notes that state them."""
    rng = np.random.default_rng(0)
    (raw / "images").mkdir(parents=True)
    rows = []
    for number in range(patients):
        ill, name = number % 2, f"{number}.jpg"
        outcome = " She was transferred to the ICU." if ill and number % 3 else ""
        row = {"patientid": number, "offset": number % 5, "sex": rng.choice(["M", "F"]), "age": rng.integers(30, 80)}
        row |= {"finding": ["COVID-19", "SARS", "COVID-19"][number % 3], "date": 2004 if number % 3 == 1 else 2020}
        row |= {"survival": "NY"[number % 4 < 2], "intubated": ["Y", "N", ""][number % 5 % 3], "went_icu": "NY"[ill]}
        row |= {
            "temperature": 38.5,
            "pO2_saturation": rng.integers(85, 99),
            "leukocyte_count": "",
            "neutrophil_count": "",
        }
        row |= {"lymphocyte_count": "" if number % 4 else 1.1, "view": ["PA", "AP", "AP Supine"][number % 3]}
        row |= {"modality": "X-ray", "folder": "images", "filename": name, "doi": ""}
        rows.append(row | {"clinical_notes": f"Cough for {number} days.{outcome}" if number % 6 else ""})
        (raw / "images" / name).write_bytes(_jpeg(rng, 100 * ill))
    pd.DataFrame(rows).to_csv(raw / "metadata.csv", index=False)
    return raw


def write_findings(raw: Path, headings: list[str], reports: int = 4) -> Path:
    """OpenI: so many reports with each heading, one frontal image each, and as many of normal chests."""
    named = [heading for heading in [*headings, "normal"] for _ in range(reports)]
    images = [f"CXR{number}_IM-1" for number in range(1, len(named) + 1)]
    written = {
        str(number): xml_report(f"CXR{number}", [image], major=[heading], findings=f"Case {number}: {heading.lower()}.")
        for number, (image, heading) in enumerate(zip(images, named, strict=True), start=1)
    }
    pictures = [(image, png(brightest=50 + 4 * number)) for number, image in enumerate(images)]
    write_openi(raw, written, pictures, frontal=images)
    ages = {
        "report_id": [f"CXR{number}" for number in written],
        "age": [40 + number % 40 for number in range(len(written))],
    }
    pd.DataFrame(ages).to_csv(raw / "patients.csv", index=False)
    write_tags(raw)
    return raw


def _jpeg(rng: np.random.Generator, least: int) -> bytes:
    data = io.BytesIO()
    Image.fromarray(rng.integers(least, least + 100, (30, 40, 3)).astype(np.uint8)).save(data, "jpeg")
    return data.getvalue()
