"""Random tables as people of many countries write them, each with what a study of it must say."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Language:
    """Headings and words of a language, and the encodings that its tables come in."""

    patient: str
    age: str
    sex: str
    note: str
    label: str
    words: tuple[str, ...]
    classes: tuple[str, str]
    sexes: tuple[str, str]
    encodings: tuple[str, ...]


UTF = ("utf-8", "utf-8-sig", "utf-16")
LANGUAGES = {
    "en": Language("Patient ID", "Age", "Sex", "Notes", "Diagnosis", ("cough", "fever", "pain", "dyspnoea", "fall",
    "check"),
                   ("normal", "pneumonia"), ("F", "M"), (*UTF, "cp1252")),
    "de": Language("Patientennummer", "Alter", "Geschlecht", "Anamnese", "Diagnose", ("Husten", "Fieber", "Schmerzen",
    "Übelkeit", "Sturz"),
                   ("unauffällig", "Lungenentzündung"), ("weiblich", "männlich"), (*UTF, "cp1252")),
    "es": Language("NHC", "Edad", "Sexo", "Motivo", "Diagnóstico", ("tos", "fiebre", "dolor", "disnea", "caída"),
                   ("normal", "neumonía"), ("mujer", "varón"), (*UTF, "cp1252")),
    "fr": Language("IPP", "Âge", "Sexe", "Motif", "Diagnostique", ("toux", "fièvre", "douleur", "dyspnée", "chute"),
                   ("normal", "pneumonie"), ("femme", "homme"), (*UTF, "cp1252")),
    "ru": Language("Пациент", "Возраст", "Пол", "Жалобы", "Диагноз", ("кашель", "лихорадка", "боль", "одышка",
    "падение"),
                   ("норма", "пневмония"), ("Ж", "М"), (*UTF, "cp1251")),
    "zh": Language("患者编号", "年龄", "性别", "主诉", "诊断", ("咳嗽三天 伴有 胸痛", "发热两天 无 明显 诱因",
    "呼吸困难 一周 加重", "体检 未见 明显 异常"),
                   ("正常", "肺炎"), ("女", "男"), (*UTF, "gb18030")),
    "ja": Language("患者番号", "年齢", "性別", "主訴", "診断", ("咳 が 三日 続く", "発熱 二日前 から",
    "胸痛 あり 呼吸 困難", "健診 で 指摘"),
                   ("正常", "肺炎"), ("女性", "男性"), (*UTF, "cp932")),
    "el": Language("Ασθενής", "Ηλικία", "Φύλο", "Ιστορικό", "Διάγνωση", ("βήχας", "πυρετός", "πόνος", "δύσπνοια",
    "πτώση"),
                   ("υγιής", "πνευμονία"), ("γυναίκα", "άνδρας"), UTF),
}  # fmt: skip
MORE_LANGUAGES = {
    "ko": Language("환자번호", "나이", "성별", "주소", "진단", ("기침 이 삼일 계속됨", "발열 없음", "흉통 있음",
    "호흡 곤란"),
                   ("정상", "폐렴"), ("여", "남"), (*UTF, "cp949")),
    "th": Language("patient", "อายุ", "เพศ", "อาการ", "โรค", ("ไอมาสามวัน", "ไม่มีไข้", "เจ็บหน้าอก", "เหนื่อยง่าย"),
                   ("ปกติ", "ปอดบวม"), ("หญิง", "ชาย"), UTF),
    "ar": Language("المريض", "العمر", "الجنس", "الشكوى", "التشخيص", ("سعال", "حمى", "ألم", "ضيق", "سقوط"),
                   ("طبيعي", "التهاب"), ("أنثى", "ذكر"), UTF),
    "pl": Language("Pacjent", "Wiek", "Płeć", "Wywiad", "Rozpoznanie", ("kaszel", "gorączka", "ból", "duszność",
    "upadek"),
                   ("norma", "zapalenie płuc"), ("kobieta", "mężczyzna"), (*UTF, "cp1250")),
    "tr": Language("Hasta", "Yaş", "Cinsiyet", "Öykü", "Tanı", ("öksürük", "ateş", "ağrı", "düşme", "çarpıntı"),
                   ("normal", "zatürre"), ("kadın", "erkek"), UTF),
}  # fmt: skip
UNSPACED = {"zh", "ja", "th"}
MISSING = ["", "", "?", "n/a", "unknown", "-", "#N/A"]
LABELS = ["words", "yes", "ones", "signs", "grades", "pluses", "parts", "float"]
CLASSES = {  # of forms that are drawn in place of some of these
    "truth": ("FALSE", "TRUE"),
    "halves": ("<50%", ">=50%"),
    "severity": ("none", "mild", "moderate", "severe"),
    "stages": ("Stage I", "Stage II", "Stage III"),
    "odd": ("{a} $b", "<b>it's</b>"),
    "spelled": ("No finding", "Pneumonia"),
}


@dataclass
class Fuzzed:
    """A written table: how many rows it has, the rows of each class in order, and its patients, None where unknown.

    `crp` are the numbers of its column CRP, and `note` is the heading of its text.
    """

    path: Path
    label: str
    rows: int
    counts: list[int]
    patients: int | None
    crp: list[float]
    note: str
    about: dict[str, object] = field(default_factory=dict)


def write(folder: Path, seed: int) -> Fuzzed:
    """The table of a seed."""
    rng, more = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    spoken = str(rng.choice(list(LANGUAGES)))
    if more.random() < 0.3:
        spoken = str(more.choice(list(MORE_LANGUAGES)))
    language = (LANGUAGES | MORE_LANGUAGES)[spoken]
    rows, form = int(rng.integers(60, 160)), str(rng.choice(LABELS))
    form = str(more.choice(list(CLASSES))) if more.random() < 0.3 else form
    patient = np.sort(rng.integers(0, rows // 2, rows))
    group = pd.factorize(patient)[0]
    cells, counts = _labels(rng, form, group, language)
    decimal, separator = rng.choice([".", ","]), str(rng.choice([",", ";", "\t", "|"]))
    if form == "parts" and separator in ",|":
        separator = ";"
    decimal = "." if separator == "," else str(decimal)
    named = bool(rng.random() < 0.8)
    table = {language.patient: _patients(rng, group)} if named else {}
    table |= {language.age: _ages(rng, rows), language.sex: rng.choice(language.sexes, rows)}
    table["CRP (mg/l)"], crp = _numbers(rng, rows, decimal)
    space = "" if spoken in UNSPACED and more.random() < 0.7 else " "
    notes = [" ".join(rng.choice(language.words, 5)) for _ in range(rows)]
    table[language.note] = [f"{note.replace(' ', space)}{space}{each}." for each, note in enumerate(notes)]
    table[language.label] = cells
    encoding = str(rng.choice(language.encodings))
    table |= _others(rng, rows, "\u200b" if encoding.startswith("utf") else "")
    frame = _with_gaps(rng, pd.DataFrame(table).astype(str), [language.age, language.sex])
    path = folder / "cases.csv"
    index = bool(rng.random() < 0.3)
    frame = frame.sample(frac=1, random_state=seed) if rng.random() < 0.5 else frame
    line_end, quoting = str(rng.choice(["\n", "\r\n"])), int(more.choice([0, 0, 0, 1]))
    text = frame.to_csv(index=index, sep=separator, lineterminator=line_end, quoting=quoting)
    path.write_bytes(_as_excel(more, text, separator, line_end).encode(encoding))
    about = {
        "seed": seed,
        "language": spoken,
        "label": form,
        "separator": separator,
        "decimal": decimal,
        "encoding": encoding,
        "index": index,
    }
    patients = len({*group}) if named else None
    return Fuzzed(
        path, language.label, rows, counts, patients, [crp[each] for each in frame.index], language.note, about
    )


def _as_excel(rng: np.random.Generator, text: str, separator: str, line_end: str) -> str:
    """A table as Excel may leave it: with a first line that names the separator, empty columns or empty rows."""
    if rng.random() < 0.15:
        text = text.replace(line_end, 2 * separator + line_end)
        text += (separator * text.split(line_end)[0].count(separator) + line_end) * int(rng.integers(0, 4))
    return f"sep={separator}{line_end}{text}" if rng.random() < 0.1 else text


def _labels(rng: np.random.Generator, form: str, group: np.ndarray, language: Language) -> tuple[list[str], list[int]]:
    """The cells of the label and how many rows each class has, some rows without one."""
    kinds = {"words": language.classes, "yes": ("no", "yes"), "ones": ("-1", "1"), "signs": ("HER2-", "HER2+")}
    kinds |= CLASSES | {"grades": ("0", "1", "2", "3"), "float": ("0.0", "1.0", "2.0"), "pluses": ("-", "+", "++")}
    known = rng.random(len(group)) > (0.1 if form not in ("pluses", "parts") else 0)
    if form == "parts":
        has = rng.random((len(group), 3)) < 0.4
        words = [[name for name, one in zip(("Mass", "Edema", "Nodule"), row, strict=True) if one] for row in has]
        cells = ["|".join(found) or "No Finding" for found in words]
        return cells, list(has.sum(axis=0))
    words = kinds[form]
    number = rng.integers(0, len(words), group.max() + 1)[group]
    cells = [words[each] if one else "" for each, one in zip(number, known, strict=True)]
    return cells, [int(((number == each) & known).sum()) for each in range(len(words))]


def _patients(rng: np.random.Generator, group: np.ndarray) -> list[str]:
    forms = ["{:d}", "{:05d}", "P{:03d}", "{:d}.0", "mixed"]
    form = str(rng.choice(forms))
    start = int(rng.integers(1, 5000))
    if form == "mixed":
        return [rng.choice(["{:d}", "{:05d}"]).format(start + each) for each in group]
    return [form.format(start + int(each)) for each in group]


def _ages(rng: np.random.Generator, rows: int) -> list[str]:
    form = str(rng.choice(["{:d}", "{:03d}Y", "{:d} years"]))
    return [form.format(int(each)) for each in rng.integers(20, 90, rows)]


def _numbers(rng: np.random.Generator, rows: int, decimal: str) -> tuple[list[str], list[float]]:
    """Cells, and the numbers that they mean."""
    values = rng.gamma(2, 400, rows).round(1)
    if rng.random() < 0.5:
        other = {".": ",", ",": "."}[decimal]
        return [f"{each:,.1f}".translate(str.maketrans(",.", other + decimal)) for each in values], list(values)
    return [f"{each:.1f}".replace(".", decimal) for each in values], list(values)


def _others(rng: np.random.Generator, rows: int, unseen: str) -> dict[str, list[str]]:
    """Columns that are no input, or an odd one."""
    days = pd.date_range("2015-01-01", periods=rows, freq="9D")
    found = {
        "date": list(days.strftime(str(rng.choice(["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y%m%d"])))),
        "country": ["Spain"] * rows,
        "empty": [""] * rows,
        "bili": [str(each) for each in np.where(rng.random(rows) < 0.05, -999, rng.integers(1, 40, rows))],
        "a {b} $(c)": list(rng.choice(["x", f"y{unseen}", "z "], rows)),
        "seen at": [f"{hour:02d}:{minute:02d}" for hour, minute in rng.integers(0, [24, 60], (rows, 2))],
    }
    return {name: cells for name, cells in found.items() if rng.random() < 0.5}


def _with_gaps(rng: np.random.Generator, table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    for column in columns:
        word = str(rng.choice(MISSING))
        table[column] = table[column].mask(rng.random(len(table)) < rng.choice([0, 0.05, 0.3]), word)
    return table
