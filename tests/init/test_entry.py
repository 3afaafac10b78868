"""An entry is put into params.yaml, and nothing else of the file changes."""

import pytest
import yaml
from conftest import ROOT
from ruamel.yaml import YAML

from lungfuse.errors import UserError
from lungfuse.init.entry import checked_text, line_of, rendered, with_entry
from lungfuse.plan.load import load_studies
from lungfuse.settings.params import read_params

ENTRY = {"dataset": "openi", "raw": "openi", "modalities": ["text"], "models": {"majority": {}}}
PARAMS = """\
study: one
# what all have
defaults: {seed: 0}

studies:
  one:      # the first
    seed: 1

  # of the second
  two:
    seed: 2
    # still of the second

# the end
"""


def entry(name="new", seed=3):
    return rendered(name, {"seed": seed, "models": {}}, {("seed",): "why"})


def test_a_new_entry_stands_at_the_end_and_all_else_stays():
    text = with_entry(PARAMS, "new", entry(), replace=False)
    assert text == PARAMS.replace("\n\n# the end", "\n\n  new:\n    # why\n    seed: 3\n    models: {}\n\n# the end")


def test_an_entry_is_replaced_alone():
    text = with_entry(PARAMS, "one", entry("one"), replace=True)
    assert text == PARAMS.replace(
        "  one:      # the first\n    seed: 1\n", "  one:\n    # why\n    seed: 3\n    models: {}\n"
    )
    text = with_entry(PARAMS, "two", entry("two"), replace=True)
    old = "  two:\n    seed: 2\n    # still of the second\n"
    assert text == PARAMS.replace(old, "  two:\n    # why\n    seed: 3\n    models: {}\n")


def test_a_study_of_the_same_name_is_kept_unless_said():
    with pytest.raises(UserError, match=r"there is a study two already.*--name.*--replace"):
        with_entry(PARAMS, "two", entry("two"), replace=False)


@pytest.mark.parametrize("change", [lambda text: text.rstrip("\n"), lambda text: text.replace("\n", "\r\n")])
def test_line_ends_stay_as_they_are(change):
    before = change(PARAMS.removesuffix("\n# the end\n"))
    text = with_entry(before, "new", entry(), replace=False)
    assert text.startswith(before)
    assert ("\r\n" in before) == (text.count("\n") == text.count("\r\n") > 0)
    assert yaml.safe_load(text)["studies"]["new"] == {"seed": 3, "models": {}}


def test_studies_that_are_not_in_lines_are_reported():
    with pytest.raises(UserError, match="studies: expected studies in lines of their own"):
        with_entry("studies: {one: {seed: 1}}\n", "new", entry(), replace=False)


def test_the_file_of_the_project_takes_an_entry_and_gives_it_back():
    path = ROOT / "params.yaml"
    new = rendered("new", ENTRY, {})
    text = checked_text(path, "new", new, replace=False)
    assert text.startswith(path.read_text().rstrip("\n"))
    assert "new:" in text.splitlines()[line_of(text, "new") - 1]
    assert yaml.safe_load(text)["studies"]["new"] == ENTRY


def test_an_entry_that_is_no_study_is_never_written(tmp_path):
    before = read_params(ROOT / "params.yaml")
    load_studies(before)
    with pytest.raises(UserError, match=r"studies.new.*dataset"):
        checked_text(ROOT / "params.yaml", "new", rendered("new", ENTRY | {"dataset": "none"}, {}), replace=False)


def test_words_of_any_kind_are_read_again_by_snakemake_and_by_dvc():
    """PyYAML reads YAML 1.1, in which `on` is true, and DVC's ruamel.yaml 1.2, in which 1e5 is a number."""
    words = [
        "yes",
        "no",
        "on",
        "1e5",
        "1_000",
        "{years}",
        "0",
        "1.0",
        "?",
        "-",
        "a: b",
        "# c",
        "é",
        '"',
        "'",
        "a\nb",
        "null",
        "~",
        "[x]",
        "2020-01-06",
        "",
    ]
    headings = {word: {"column": word} for word in [*words, "Age {years}", "{}"]}
    said = {"table": {"missing": words, "columns": headings}, "models": {}}
    text = rendered("on", said, {("table", "missing"): "a comment of a column\nwith two lines # and a mark " * 9})
    assert yaml.safe_load(text)["on"] == said
    assert YAML(typ="safe").load(text)["on"] == said


def test_long_lists_of_columns_are_written_once():
    columns = ["a", "b", "c", "d"]
    models = {"logistic": {"structured": columns}, "image": {"images": "raw"}, "early": {"structured": columns}}
    text = rendered("new", {"models": models}, {})
    assert text.count("[a, b, c, d]") == 1
    assert yaml.safe_load(text)["new"] == {"models": models}
