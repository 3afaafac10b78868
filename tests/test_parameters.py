from cyclopts import App

from lungfuse.parameters import FromJSON
from lungfuse.settings.params import to_json
from lungfuse.settings.rows import Row

SETTINGS = {"words": [1, 2], "characters": None, "c": 2.5, "buckets": 4096}


def test_settings_of_a_row_keep_their_types_on_the_command_line():
    app = App(result_action="return_value")

    @app.command
    def stage(*, row: FromJSON[Row], models: FromJSON[list[Row]]) -> tuple[Row, list[Row]]:
        return row, models

    row = Row(model="tfidf", text="findings", settings=SETTINGS)
    columns = Row(model="boosting", structured=["age", "sex"], settings={"learning_rate": 0.1})
    given = ["--row", to_json(row), "--models", f"[{to_json(row)}, {to_json(columns)}]"]
    assert app(["stage", *given]) == (row, [row, columns])
