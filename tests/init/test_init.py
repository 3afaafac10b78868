"""`lungfuse init` as a command: what it prints, asks and refuses, and that it loads no networks."""

import builtins
import subprocess
import sys
from pathlib import Path

import pytest
from odd_tables import cases, draw, init, new_place, read

from lungfuse.errors import UserError
from lungfuse.init import init as command

TABLE = Path("in/cases.csv")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(new_place(tmp_path / "project"))
    draw(Path("in/images"), cases()["file"])
    cases().to_csv(TABLE, index=False)


def run(*arguments: str, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "lungfuse", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def test_the_command_says_what_it_chose_and_what_comes_next():
    done = run("init", "--table", str(TABLE), "--images", "in/images", "--name", "clinic", "--no-check")
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert "The study clinic is in params.yaml, from line" in said
    assert "label        diagnosis: binary, healthy 30, pneumonia 30" in said
    assert said.endswith("    snakemake --cores 2 --config study=clinic\n")
    found = read("clinic")
    assert found.study.raw == "clinic"
    assert (Path("data/raw/clinic/images")).readlink() == Path("../../../in/images")


def test_a_mistake_is_one_line_and_not_a_traceback():
    done = run("init", "--table", "nowhere.csv")
    assert done.returncode == 1
    assert done.stderr == "lungfuse: nowhere.csv: not found. Expected a CSV or Parquet file.\n"
    assert "--table: not given" in run("init").stderr


def test_a_reader_that_stops_reading_is_no_mistake():
    """As `lungfuse init ... | head` does."""
    command = [sys.executable, "-m", "lungfuse", "init", "--table", str(TABLE), "--name", "clinic", "--no-check"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert read("clinic").study.modalities == ["text", "structured"]


def test_another_file_of_settings_can_be_given():
    Path("params.yaml").rename("mine.yaml")
    done = run("init", "--params", "mine.yaml", "--table", str(TABLE), "--images", "in/images", "--name", "clinic")
    assert done.returncode == 0, done.stderr
    assert "from line" in done.stdout
    assert "clinic:" in Path("mine.yaml").read_text()


def test_a_study_is_kept_unless_it_is_to_be_replaced():
    init(TABLE, [Path("in/images")], "clinic")
    with pytest.raises(UserError, match=r"has a study clinic already.*--replace"):
        init(TABLE, None, "clinic")
    assert init(TABLE, None, "clinic", replace=True).study.modalities == ["text", "structured"]


def test_a_study_is_called_after_its_table_or_folder():
    assert command.study_name(None, Path("in/Ward 7.csv"), {}, False) == "ward-7"
    assert command.study_name(None, Path("Lungs 2020/metadata.csv"), {}, False) == "lungs-2020"
    with pytest.raises(UserError, match="--name: found 'Two Words'"):
        command.study_name("Two Words", TABLE, {}, False)


@pytest.mark.parametrize("stem", ["2023", "1e5", "on", "null", "no", "2020-01-06"])
def test_a_name_that_yaml_reads_as_a_value_gets_a_word_before_it(stem):
    assert command.study_name(None, Path(f"in/{stem}.csv"), {}, False) == f"study-{stem}"
    with pytest.raises(UserError, match=f"--name: found '{stem}'.*Say --name study-{stem}"):
        command.study_name(stem, TABLE, {}, False)


def test_on_a_terminal_it_asks_which_column_is_the_label(monkeypatch, capsys):
    cases().rename(columns={"diagnosis": "group"}).to_csv(TABLE, index=False)
    answers = iter(["", "9", "1"])
    monkeypatch.setattr(command, "on_terminal", lambda: True)
    monkeypatch.setattr(builtins, "input", lambda _: next(answers))
    found = init(TABLE, [Path("in/images")])
    assert [*found.classes] == ["healthy", "pneumonia"]
    said = capsys.readouterr().out
    assert "  1  group (healthy 30, pneumonia 30)\n  2  sex (" in said
    assert "Found '9', expected a number from 1 to 2." in said


def test_what_gives_the_label_away_is_read_by_no_row():
    table = cases(120)
    draw(Path("in/images"), table["file"])
    ill = table["diagnosis"] == "pneumonia"
    table["drug"] = [["none", "antibiotics"][each] for each in ill]
    table["days"] = [str(number % 5 + 10 * each) for number, each in enumerate(ill)]
    table.to_csv(TABLE, index=False)
    found = init(TABLE, [Path("in/images")])
    assert found.inputs == ["age", "sex"]
    assert {"drug", "days"} < {*found.table.columns}
    assert "no model reads it: it predicts the label by itself, AUROC 1.00" in found.comments


def test_several_labels_are_a_study_of_many():
    table = cases()
    table["icu"] = ["Y", "N", ""] * 20
    table["died"] = ["1", "0", "0"] * 20
    table.to_csv(TABLE, index=False)
    found = init(TABLE, [Path("in/images")], label=["ICU", "died"], patient="none")
    assert found.study.task == "multilabel"
    assert found.classes == {"icu": ["Y"], "died": ["1"]}
    assert found.inputs == ["age", "sex", "diagnosis"]


def test_classes_that_are_too_rare_are_left_out_with_a_comment():
    table = cases(120)
    draw(Path("in/images"), table["file"])
    table["diagnosis"] = ["a", "a", "b", "b", "c", "c"] * 20
    table.loc[:5, "diagnosis"] = "d"
    table.to_csv(TABLE, index=False)
    found = init(TABLE, [Path("in/images")])
    assert [*found.classes] == ["c", "b", "a"] or {*found.classes} == {"a", "b", "c"}
    assert "too few patients or groups have it: d 3" in found.comments


def test_it_loads_no_library_of_networks():
    code = "import sys; import lungfuse.init.init; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "tensorflow", "transformers", "keras", "lightning"} & {*loaded}
