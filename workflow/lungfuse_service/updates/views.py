"""The page on which models are updated, for who has the right."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from lungfuse_service.catalogue.models import TrainedModel
from lungfuse_service.jobs.models import Job
from lungfuse_service.updates.actions import (
    LEAST,
    RIGHT,
    NotNowError,
    activate,
    add_case,
    learned_from,
    start_update,
    under_way,
    versions_of,
    waiting_for,
)
from lungfuse_service.updates.forms import ConfirmedCaseForm
from lungfuse_service.updates.models import Update


def with_right(view):
    """A view for who may update models; to others it says so."""
    return login_required(permission_required(RIGHT, raise_exception=True)(view))


def active_or_404(study: str, name: str) -> TrainedModel:
    return get_object_or_404(TrainedModel.objects.select_related("study"), study=study, name=name, active=True)


@with_right
def update(request: HttpRequest, study: str, name: str) -> HttpResponse:
    """The versions of a model, its updates, and the cases that wait; a POST adds one."""
    model = active_or_404(study, name)
    form = (
        ConfirmedCaseForm(model, request.POST, request.FILES) if request.method == "POST" else ConfirmedCaseForm(model)
    )
    if request.method == "POST" and form.is_valid():
        add_case(request.user, form)
        messages.success(request, "The case is added.")
        return redirect("update", study, name)
    updates = Update.objects.filter(base__study=study, base__name=name).select_related("job", "base", "made")
    context = {
        "model": model,
        "form": form,
        "waiting": waiting_for(model),
        "learned": learned_from(model).count(),
        "versions": versions_of(model),
        "updates": updates,
        "under_way": under_way(model),
        "least": LEAST,
    }
    return render(request, "updates/update.html", context, status=400 if form.errors else 200)


@with_right
@require_POST
def start(request: HttpRequest, study: str, name: str) -> HttpResponse:
    try:
        start_update(request.user, active_or_404(study, name))
        messages.success(request, "The update has started. This page says what becomes of it.")
    except NotNowError as error:
        messages.warning(request, str(error))
    return redirect("update", study, name)


@with_right
@require_GET
def state(request: HttpRequest, study: str, name: str) -> JsonResponse:
    """How far the latest update is, for the page that waits."""
    job = get_object_or_404(Job, retraining=Update.objects.filter(base__study=study, base__name=name).first())
    return JsonResponse({"state": job.state, "ended": job.ended, "ahead": job.ahead})


@with_right
@require_POST
def make_active(request: HttpRequest, study: str, name: str, version: int) -> HttpResponse:
    """One click back, or forward."""
    versions = {each.pk: each for each in versions_of(active_or_404(study, name))}
    if version not in versions:
        raise Http404
    model = versions[version]
    activate(model)
    messages.success(request, f"Version {model.sha256[:12]} is active.")
    return redirect("update", study, name)


@with_right
@require_POST
def delete_case(request: HttpRequest, study: str, name: str, case_id) -> HttpResponse:
    """Delete a case that no active model has learned from."""
    model = active_or_404(study, name)
    get_object_or_404(waiting_for(model), pk=case_id).delete()
    messages.success(request, "The case is deleted.")
    return redirect(reverse("update", args=[study, name]))
