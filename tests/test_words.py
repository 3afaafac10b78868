"""Names, numbers and shares as they are said in messages."""

import pytest

from lungfuse.words import counted, joined, listed, share


@pytest.mark.parametrize(("count", "said"), [(0, ""), (1, "a"), (2, "a and b"), (3, "a, b and c")])
def test_names_are_joined(count, said):
    assert joined("abc"[:count]) == said
    assert joined(set("abc"[:count])) == said


def test_many_names_are_cut_short():
    assert listed("abc") == "a, b, c"
    assert listed(range(7)) == "0, 1, 2, 3, 4 and 2 more"
    assert listed("abc", 2) == "a, b and 1 more"


def test_numbers_have_their_noun():
    assert (counted(1, "case"), counted(1200, "case"), counted(2, "study", "studies")) == (
        "1 case", "1,200 cases", "2 studies",
    )  # fmt: skip
    assert (share(1, 8), share(0, 0)) == ("12.5%", "none")
