"""The form of a model: a field for each thing that it reads, any of which may be missing."""

import uuid

from django import forms
from django.core.files.uploadedfile import UploadedFile

from lungfuse_service.catalogue.models import TrainedModel
from lungfuse_service.predictions.images import FORMATS, clean_image

MOST_CHARACTERS = 20_000
LARGEST = 1e12  # number, which models still hold in 32 bits
UNKNOWN = "not known"
ACCEPTED = ",".join([*(f"image/{name.lower()}" for name in FORMATS), ".dcm", "application/dicom"])


class CaseForm(forms.Form):
    """A case for a model. The names of fields are those of `predict`: image, text, values.<column>."""

    key = forms.UUIDField(widget=forms.HiddenInput, required=False)
    explained = forms.BooleanField(required=False, initial=True, label="Show what the model decided by")

    def __init__(self, model: TrainedModel, *arguments, **options):
        options.setdefault("initial", {"key": uuid.uuid4(), "explained": True})
        super().__init__(*arguments, **options)
        self.model = model
        for column in model.columns:
            self.fields[name_of(column)] = field_of(column)
        self.order_fields([*map(name_of, model.columns), "explained", "key"])

    def clean_image(self):
        sent = self.cleaned_data["image"]
        return clean_image(sent) if isinstance(sent, UploadedFile) else None

    def clean(self) -> dict:
        cleaned = super().clean()
        names = [name_of(column) for column in self.model.columns]
        if not self.errors and not any(cleaned[name] not in (None, "") for name in names):
            raise forms.ValidationError("Give at least one of these: a model can say nothing of nothing.")
        return cleaned

    @property
    def text(self) -> str:
        return self.cleaned_data.get("text") or ""

    @property
    def values(self) -> dict[str, str]:
        """The columns that are known, by name, as texts."""
        found = {each["name"]: self.cleaned_data[name_of(each)] for each in self.model.columns if is_value(each)}
        return {
            name: f"{value:g}" if isinstance(value, float) else value
            for name, value in found.items()
            if value not in (None, "")
        }


class NumberField(forms.FloatField):
    """A number that is not too large, with a decimal point or comma."""

    def to_python(self, value: str | None) -> float | None:
        found = super().to_python(value.replace(",", ".") if isinstance(value, str) else value)
        if found is not None and not abs(found) <= LARGEST:
            raise forms.ValidationError("Enter a number.")
        return found


def is_value(column: dict) -> bool:
    return column["kind"] in ("number", "category")


def name_of(column: dict) -> str:
    return f"values.{column['name']}" if is_value(column) else column["kind"]


def field_of(column: dict) -> forms.Field:
    """The field of a column that a model reads."""
    name = column["name"].replace("_", " ")
    match column["kind"]:
        case "image":
            return forms.FileField(required=False, label="Image", widget=image_input())
        case "text":
            area = forms.Textarea(attrs={"rows": 6, "spellcheck": "true"})
            return forms.CharField(required=False, label="Text of the report", widget=area, max_length=MOST_CHARACTERS)
        case "number":
            unit = f" ({column['unit']})" if column["unit"] else ""
            known = column["low"] is not None and column["high"] is not None
            help_text = f"The model has learned from {column['low']:g} to {column['high']:g}." if known else ""
            number = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
            return NumberField(required=False, label=f"{name}{unit}", widget=number, help_text=help_text)
    choices = [("", UNKNOWN), *((each, each) for each in column["categories"])]
    return forms.ChoiceField(required=False, label=name, choices=choices)


def image_input() -> forms.FileInput:
    return forms.FileInput(attrs={"accept": ACCEPTED})
