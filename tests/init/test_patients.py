"""Which column names the patient, and what is odd in it: cheap tables, looked at and not made into a study."""

import re

import numpy as np
import pandas as pd
import pytest

from lungfuse.cell_forms import written_in_one_way
from lungfuse.init.guess import roles_of
from lungfuse.init.profile import profiles_of
from lungfuse.init.roles import Roles, UserRoles

N = np.arange(120)
RNG = np.random.default_rng(0)
FOUR_DIGITS = RNG.permutation(np.arange(1000, 8000, 7))[:60]


def roles(table: pd.DataFrame, **said) -> Roles:
    table = table.assign(diagnosis=np.resize(["ill", "well"], len(table))).astype(str)
    return roles_of(profiles_of(table), UserRoles(labels=["diagnosis"], **said), table=table)


UNKNOWN_HEADINGS = {  # numbers of patients under a heading that nobody knows
    "two rows each": FOUR_DIGITS[N // 2],
    "two rows each, apart": FOUR_DIGITS[N % 60],
    "one to five rows each": np.repeat(FOUR_DIGITS, RNG.permutation(np.resize([1, 2, 3, 5], 60)))[:120],
    "three digits": RNG.permutation(np.arange(100, 1000))[:40][N // 3],
    "from one to sixty": N // 2 + 1,
    "numbers of Excel": [f"{each}.0" for each in FOUR_DIGITS[N // 2]],
    "codes": [f"A{each // 2:04}x" for each in N],
}


@pytest.mark.parametrize("cells", UNKNOWN_HEADINGS.values(), ids=UNKNOWN_HEADINGS)
def test_numbers_of_patients_under_an_unknown_heading_are_asked_and_no_input(cells):
    table = pd.DataFrame({"Matricola": cells, "age": RNG.integers(20, 90, 120)})
    found = roles(table)
    assert [each.column for each in found.columns.values()] == ["age"]
    assert any("say --patient Matricola if so, or --use Matricola" in each for each in found.unsure)
    assert roles(table, patient="Matricola").patient == "Matricola"
    assert {*roles(table, use=["Matricola"]).columns} == {"matricola", "age"}


MEASURES = {  # that repeat as measures do
    "age": RNG.integers(20, 90, 120),
    "heart rate": RNG.normal(80, 15, 120).astype(int),
    "sodium, of a patient with two rows": RNG.normal(140, 4, 60).astype(int)[N // 2],
    "platelets": RNG.normal(250, 60, 120).astype(int),
    "platelets, of a patient with two rows": RNG.normal(250, 60, 60).astype(int)[N // 2],
    "weight in steps of five": 5 * RNG.integers(8, 60, 120),
    "dose in steps of fifty": 50 * RNG.integers(1, 60, 120),
    "ferritin": RNG.lognormal(5, 1, 120).astype(int),
    "year of birth": RNG.integers(1930, 2000, 120),
    "days of follow-up": RNG.exponential(60, 120).astype(int),
    "zip code": RNG.permutation(np.arange(10000, 99999))[:60][RNG.integers(0, 60, 120)],
    "PLZ": RNG.permutation(np.arange(10000, 99999))[:60][N // 2],
    "a count of a row": N,
}


@pytest.mark.parametrize("heading", MEASURES)
def test_a_measure_is_an_input_and_not_asked(heading):
    found = roles(pd.DataFrame({heading: MEASURES[heading], "sex": RNG.choice(["F", "M"], 120)}))
    assert heading not in " ".join(found.unsure)


@pytest.mark.parametrize(
    "heading",
    ["Patsientkood", "CIP", "N° dossier", "rodné číslo", "Identifikátor pacienta", "TAJ", "Mã bệnh nhân",
     "รหัสผู้ป่วย", "หมายเลขผู้ป่วย", "HN", "ת.ז.", "شماره بیمار", "Nomor Rekam Medis",
     "Patientin", "Historia clínica", "Expediente",
     "RUT", "DNI", "CURP", "SSN", "NHS number", "病歴番号", "档案号", "门诊号", "就诊卡号", "身份证号",
     "차트번호", "등록번호", "병록번호",
     "pseudonym", "Proband", "Probandennummer", "volunteer", "iid", "Номер истории болезни"],
)  # fmt: skip
def test_patients_are_known_in_more_languages(heading):
    assert roles(pd.DataFrame({heading: FOUR_DIGITS[N // 2]})).patient == heading


@pytest.mark.parametrize("heading", ["ID番号", "受付番号", "管理号", "FID"])
def test_what_is_numbered_in_scripts_without_spaces_is_kept_together(heading):
    found = roles(pd.DataFrame({heading: FOUR_DIGITS[N // 2]}))
    assert found.group_by == [heading] and not found.columns


BLANK = {  # cells of patients, and what is said of those that are blank
    "merged cells": (
        np.where(N % 2, "", N.astype(str)),
        "60 of 120 rows name no patient, as where cells were merged: write the patient into each row",
    ),
    "merged cells of one to three rows": (
        np.where(N % 6 < 3, [f"p{each}" for each in N], ""),
        "60 of 120 rows name no patient, as where cells were merged",
    ),
    "a few that are not known": (
        np.where(N % 20, [f"p{each // 2}" for each in N], ""),
        "6 of 120 rows name no patient: each counts as one of a patient of its own; write the patient into them",
    ),
    "n/a": (np.where(N % 20, [f"p{each // 2}" for each in N], "n/a"), "6 of 120 rows name no patient"),
}


@pytest.mark.parametrize(("cells", "said"), BLANK.values(), ids=BLANK)
def test_rows_without_a_patient_are_counted(cells, said):
    found = roles(pd.DataFrame({"patient": cells}))
    assert found.patient == "patient" and f"patient: {said}" in found.unsure[0]


WAYS = {  # two ways to write one patient
    "case": ("P{:03}", "p{:03}"),
    "hyphens": ("P-{:03}", "P{:03}"),
    "spaces": ("P{:03}", "p {:03}"),
    "underscores": ("MUC_{:03}", "muc-{:03}"),
    "zeros": ("{:03}", "{}"),
}


@pytest.mark.parametrize("ways", WAYS.values(), ids=WAYS)
def test_one_patient_in_two_ways_is_noticed(ways):
    found = roles(pd.DataFrame({"patient": [ways[each % 2].format(each // 2 + 1) for each in N]}))
    assert found.same_numbers and "say --no-same-numbers if they are not" in found.unsure[0]
    assert not roles(pd.DataFrame({"patient": [ways[0].format(each // 2) for each in N]})).unsure


@pytest.mark.parametrize(("first", "second"), [("1-23", "12-3"), ("P1", "P01"), ("a-b", "ab"), ("P1-2", "P12")])
def test_patients_that_differ_in_more_are_two(first, second):
    assert written_in_one_way(first) != written_in_one_way(second)


NAMES = ["Müller, Anna", "García López María José", "李小龙", "O'Brien", "Ng", "Иванов И. И."]


@pytest.mark.parametrize(
    "heading", ["Name", "Nachname", "Surname", "Last name", "First_Name", "patientName", "Фамилия", "姓名", "Nom"]
)
def test_names_of_persons_are_no_input_and_asked(heading):
    for count in (60, 8):
        table = pd.DataFrame({heading: [f"{NAMES[each % 6]} {'abcdefghij'[each // 6]}" for each in N % count]})
        found = roles(table.assign(age=RNG.integers(20, 90, 120)))
        assert not found.texts and {*found.columns} == {"age"}
        assert re.search(f"{heading}.* holds names of persons: say --patient .*{heading}", found.unsure[0])
        assert not roles(table.assign(patient=FOUR_DIGITS[N // 2])).unsure


@pytest.mark.parametrize(
    ("heading", "word"), [("Name", "scan {}"), ("drug name", "aspirin"), ("hospital name", "St. Anna")]
)
def test_names_of_other_things_are_none_of_persons(heading, word):
    assert not roles(pd.DataFrame({heading: [word.format(each % 3) for each in N]})).unsure
