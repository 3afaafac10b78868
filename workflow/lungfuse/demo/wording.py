"""Written reports of the demo: sentences of the project's own in the manner of radiology reports."""

from dataclasses import dataclass

import numpy as np

from lungfuse.demo.evidence import Evidence

SIGN = {
    "hypoinflation": [
        "Lung volumes are low.",
        "The lungs are hypoinflated with crowded vessels.",
        "Shallow inspiration, both lungs are hypoinflated.",
    ],
    "hyperdistention": [
        "The lungs are hyperexpanded.",
        "Large lung volumes with flattened diaphragms.",
        "Hyperexpanded lungs, the diaphragms are flattened.",
    ],
}
NO_SIGN = [
    "The lungs are clear.",
    "Both lungs are clear and well expanded.",
    "Lungs are well aerated.",
    "",
    "No focal airspace disease.",
    "The lungs are free of consolidation.",
]
HEART = [
    "The heart is normal in size.",
    "Heart size is within normal limits.",
    "Cardiac silhouette is unremarkable.",
    "The cardiomediastinal contours are normal.",
    "Heart size is at the upper limits of normal.",
    "Normal heart and mediastinum.",
]
PLEURA = [
    "No pleural effusion.",
    "No pneumothorax or effusion.",
    "The pleural spaces are clear.",
    "No effusion or pneumothorax is seen.",
    "There is no pleural fluid.",
    "",
]
BONES = [
    "Mild degenerative change of the spine.",
    "The bones are intact.",
    "No acute bony abnormality.",
    "Old rib fracture on the XXXX.",
    "Osseous structures are unremarkable.",
    "XXXX scoliosis.",
    "",
]
OTHER = {
    "Cardiomegaly/mild": "The heart is mildly enlarged.",
    "Calcified Granuloma/lung/upper lobe/right": "Calcified granuloma in the right upper lobe.",
    "Pulmonary Atelectasis/base/left": "Left basilar atelectasis.",
    "Aorta/tortuous": "The aorta is tortuous.",
}
NORMAL_IMPRESSION = [
    "No acute cardiopulmonary abnormality.",
    "No acute disease.",
    "Normal chest.",
    "Negative chest XXXX.",
]
INDICATION = [
    "Chest pain.",
    "Dyspnea.",
    "Cough.",
    "XXXX-year-old with chest pain.",
    "Fever.",
    "Positive PPD.",
    "Fall.",
    "",
]
TELLING_INDICATION = {"normal": "Preoperative XXXX.", "lung": "Emphysema.", "other": "Fever."}
COMPARISON = ["None.", "Chest radiograph XXXX.", "XXXX.", ""]


@dataclass(frozen=True)
class Wording:
    """The four sections of a report and its MeSH headings; `evidence` is the sentence of the findings with the sign,
    empty without it."""

    comparison: str
    indication: str
    findings: str
    impression: str
    major: list[str]
    automatic: list[str]
    evidence: str


def write_report(rng: np.random.Generator, label: str, evidence: Evidence) -> Wording:
    """Write the report of a study of class `label`: normal, lung or other (a disease of neither class)."""

    def pick(sentences: list[str]) -> str:
        return str(rng.choice(sentences))

    volume = pick(SIGN[evidence.kind]) if evidence.written else pick(NO_SIGN)
    sentences = [pick(HEART), volume, pick(PLEURA), pick(BONES)]
    impression = pick(NORMAL_IMPRESSION)
    if evidence.written and rng.random() < 0.6:
        impression = pick(SIGN[evidence.kind])
    if label == "other":
        heading = pick(list(OTHER))
        sentences[0] = impression = OTHER[heading]
        major, automatic = [heading], [heading.split("/")[0].lower()]
    elif label == "lung":
        degree = pick(["", "/mild", "/bilateral"])
        major, automatic = [f"Lung/{evidence.kind}{degree}"], [evidence.kind]
        if rng.random() < 0.2:
            major = [*major, "Opacity/lung/base/left"]
    else:
        major, automatic = ["normal"], ["normal"]
    if rng.random() < 0.5:
        sentences = [sentences[1], sentences[0], *sentences[2:]]
    findings = " ".join(sentence for sentence in sentences if sentence)
    indication = TELLING_INDICATION[label] if rng.random() < 0.25 else pick(INDICATION)
    sign = volume if evidence.written else ""
    return Wording(pick(COMPARISON), indication, findings, impression, major, automatic, sign)
