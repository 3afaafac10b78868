"""The form of a confirmed case: that of the model, and what the case was found to be."""

from django import forms

from lungfuse_service.catalogue.models import TrainedModel
from lungfuse_service.predictions.forms import CaseForm

SEVERAL = "multilabel"
ANSWERS = [("", "not known"), ("yes", "yes"), ("no", "no")]
PATIENT = "The same code for all cases of a patient; never a name."


class ConfirmedCaseForm(CaseForm):
    """A case for a model with its truth: `label`, or `labels.<name>` of each of several."""

    patient = forms.CharField(required=False, max_length=100, label="Code of the patient", help_text=PATIENT)

    def __init__(self, model: TrainedModel, *arguments, **options):
        super().__init__(model, *arguments, **options)
        del self.fields["explained"]
        self.labels = model.study.labels
        for name, label in self._truth_fields().items():
            choices = ANSWERS if self.several else [("", "choose"), *((each, each) for each in self.labels)]
            self.fields[name] = forms.ChoiceField(required=not self.several, label=label, choices=choices)

    @property
    def several(self) -> bool:
        """Whether a case may have several labels."""
        return self.model.study.task == SEVERAL

    def _truth_fields(self) -> dict[str, str]:
        """What the fields are called to people, by name."""
        if not self.several:
            return {"label": "What it was found to be"}
        return {f"labels.{label}": f"Found: {label}" for label in self.labels}

    def clean(self) -> dict:
        cleaned = super().clean()
        if not self.errors and not any(has is not None for has in self.truth.values()):
            raise forms.ValidationError("Say of at least one label whether the case has it.")
        return cleaned

    @property
    def truth(self) -> dict[str, int | None]:
        """1 or 0 by label, None where it is not known."""
        if not self.several:
            return {label: int(self.cleaned_data["label"] == label) for label in self.labels}
        known = {"yes": 1, "no": 0}
        return {label: known.get(self.cleaned_data[f"labels.{label}"]) for label in self.labels}
