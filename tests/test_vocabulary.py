"""Words of tables are understood in the languages that people write."""

import pytest

from lungfuse.vocabulary import yes_and_no


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        ("có", "không"),
        ("ya", "tidak"),
        ("да", "не"),
        ("da", "nu"),
        ("da", "ne"),
        ("نعم", "لا"),
        ("بله", "خیر"),
        ("áno", "nie"),
        ("jah", "ei"),
        ("taip", "ne"),
        ("jā", "nē"),
        ("ja", "nei"),
        ("var", "yok"),
        ("כן", "לא"),
        ("हाँ", "नहीं"),
        ("ใช่", "ไม่ใช่"),
    ],
)
def test_yes_and_no_are_known(yes, no):
    assert yes_and_no([no, yes, "?"]) == ([yes], [no])
