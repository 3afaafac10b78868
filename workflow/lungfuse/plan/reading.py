"""What a model of a study of a table keeps of the mapping that the table was read by."""

from lungfuse.datasets.table import sections_of
from lungfuse.modalities.text import sources as sections_read
from lungfuse.settings.ingest import LabelRule
from lungfuse.settings.model import ModelSettings
from lungfuse.settings.study import Study
from lungfuse.settings.table import ClassWords, ReadColumn, TableFormat, TableReading, TableSettings

OF_SEVERAL = ["image_between", "case_rows", "view", "views"]  # of the images of a case


def reading_of(study: Study, model: ModelSettings) -> TableReading | None:
    """The mapping as far as the inputs of a model and the labels need it, so that other changes train nothing again."""
    table = study.table
    if table is None or not model.inputs:
        return None
    columns = {name: table.columns[name] for name in model.structured if name in table.columns}
    texts = {name: text.column for name, text in sections_of(table).items() if name in sections_read(model.text)}
    return TableReading(
        **table.model_dump(include=set(TableFormat.model_fields)),
        case=table.case,
        patient=table.patient,
        image=table.image,
        **({name: getattr(table, name) for name in OF_SEVERAL} if study.places else {}),
        text=texts if len(texts) > 1 else next(iter(texts.values()), None),
        columns={
            name: ReadColumn(**column.model_dump(include=set(ReadColumn.model_fields)))
            for name, column in columns.items()
        },
        classes={
            rule.name: _words(rule, table)
            for rule in study.filter.labels
            if rule.column in table.columns and rule.positive
        },
    )


def _words(rule: LabelRule, table: TableSettings) -> ClassWords:
    words = {name: getattr(rule, name) for name in ["positive", "negative", "between"]}
    return ClassWords(column=table.columns[rule.column].column, **words)
