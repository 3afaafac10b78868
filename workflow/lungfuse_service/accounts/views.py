"""Sign-up, and what a user does with the account."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from lungfuse_service.accounts.forms import DeleteAccountForm, SignUpForm
from lungfuse_service.accounts.models import ApiToken

BACKEND = "django.contrib.auth.backends.ModelBackend"


@sensitive_post_parameters("password1", "password2")
def sign_up(request: HttpRequest) -> HttpResponse:
    if not settings.SIGN_UP:
        raise Http404
    if request.user.is_authenticated:
        return redirect("home")
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.save(), BACKEND)
        return redirect("home")
    return render(request, "accounts/sign_up.html", {"form": form}, status=400 if form.errors else 200)


@login_required
@sensitive_post_parameters("password")
def account(request: HttpRequest) -> HttpResponse:
    """The account; a POST with the password deletes it with everything in it."""
    form = DeleteAccountForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = request.user
        logout(request)
        for prediction in user.predictions.all():
            prediction.delete()
        user.delete()
        messages.success(request, "Your account and everything in it is deleted.")
        return redirect("home")
    token = ApiToken.objects.filter(user=request.user).first()
    context = {"form": form, "token": token}
    return render(request, "accounts/account.html", context, status=400 if form.errors else 200)


@login_required
@require_POST
def new_token(request: HttpRequest) -> HttpResponse:
    """Show a new token, once."""
    context = {"form": DeleteAccountForm(request.user), "new_token": ApiToken.renew(request.user)}
    return render(request, "accounts/account.html", context)
