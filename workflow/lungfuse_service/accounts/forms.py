"""What a user says of an account."""

from django import forms
from django.contrib.auth.forms import BaseUserCreationForm

from lungfuse_service.accounts.models import User


class SignUpForm(BaseUserCreationForm):
    """A name and a password, and that the service is understood to be no doctor."""

    understood = forms.BooleanField(
        label="I understand that this is research software: not for diagnosis, and no substitute for a doctor",
        error_messages={"required": "The service is for those who understand this."},
    )

    class Meta:
        model = User
        fields = ("username",)


class DeleteAccountForm(forms.Form):
    """The password again, before everything goes."""

    password = forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}))

    def __init__(self, user: User, *arguments, **options):
        super().__init__(*arguments, **options)
        self.user = user

    def clean_password(self) -> str:
        if not self.user.check_password(self.cleaned_data["password"]):
            raise forms.ValidationError("This is not your password.")
        return self.cleaned_data["password"]
