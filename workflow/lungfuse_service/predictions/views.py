"""The pages of a user's predictions. What is another's is not there."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from lungfuse_service.accounts.models import User
from lungfuse_service.catalogue.models import TrainedModel
from lungfuse_service.catalogue.study_files import about_model, card_of, limits_of
from lungfuse_service.jobs.tasks import wake
from lungfuse_service.predictions.export import export
from lungfuse_service.predictions.forms import CaseForm
from lungfuse_service.predictions.models import Overlay, Prediction
from lungfuse_service.predictions.result_page import result_page
from lungfuse_service.predictions.structured_report import structured_report
from lungfuse_service.predictions.submit import Case, QuotaError, submit

A_PAGE = 20
AGAIN = 2  # seconds after which a page without JavaScript looks again


def predictions_of(user: User) -> QuerySet[Prediction]:
    return Prediction.objects.filter(user=user).select_related("job", "model__study", "result")


def own_or_404(request: HttpRequest, prediction_id) -> Prediction:
    return get_object_or_404(predictions_of(request.user), pk=prediction_id)


@login_required
def ask(request: HttpRequest, study: str, name: str) -> HttpResponse:
    """Give a model a case."""
    model = get_object_or_404(TrainedModel.objects.select_related("study"), study=study, name=name, active=True)
    form = CaseForm(model, request.POST, request.FILES) if request.method == "POST" else CaseForm(model)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                return redirect(accept(request.user, form))
            except QuotaError as error:
                form.add_error(None, str(error))
                status = 429
    about = {"about": about_model(model), "limits": limits_of(study), "card": card_of(study)}
    return render(request, "predictions/ask.html", {"model": model, "form": form, **about}, status=status)


def accept(user: User, form: CaseForm) -> Prediction:
    """The prediction of a form that is valid.

    Raises:
        QuotaError: see `submit`.
    """
    given = form.cleaned_data
    case = Case(given.get("image"), form.text, form.values)
    return submit(user, form.model, case, given.get("key"), given["explained"])


@login_required
@require_GET
def history(request: HttpRequest) -> HttpResponse:
    page = Paginator(predictions_of(request.user), A_PAGE).get_page(request.GET.get("page"))
    return render(request, "predictions/history.html", {"page": page})


@login_required
@require_GET
def prediction(request: HttpRequest, prediction_id) -> HttpResponse:
    """The result, or how far it is."""
    found = own_or_404(request, prediction_id)
    if found.job.overdue:
        wake()
    if not found.job.ended:
        waited = (timezone.now() - found.created).total_seconds()
        return render(request, "predictions/progress.html", {"prediction": found, "again": AGAIN, "waited": waited})
    if not hasattr(found, "result"):
        return render(request, "predictions/failed.html", {"prediction": found})
    return render(request, "predictions/result.html", {"prediction": found, "shown": result_page(found)})


@login_required
@require_GET
def state(request: HttpRequest, prediction_id) -> JsonResponse:
    """For the page that waits."""
    job = own_or_404(request, prediction_id).job
    if job.overdue:
        wake()
    return JsonResponse({"state": job.state, "ended": job.ended, "ahead": job.ahead})


@login_required
@require_GET
def image(request: HttpRequest, prediction_id) -> HttpResponse:
    found = own_or_404(request, prediction_id)
    if not found.image:
        raise Http404
    if settings.MEDIA_ACCEL:
        response = HttpResponse(content_type="image/png")
        response["X-Accel-Redirect"] = f"{settings.MEDIA_ACCEL}{found.image.name}"
        return response
    return FileResponse(found.image.open(), content_type="image/png")


@login_required
@require_GET
def overlay(request: HttpRequest, prediction_id, method: str) -> HttpResponse:
    found = get_object_or_404(Overlay, result__prediction=own_or_404(request, prediction_id), method=method)
    return HttpResponse(bytes(found.png), content_type="image/png")


@login_required
@require_GET
def dicom_report(request: HttpRequest, prediction_id) -> HttpResponse:
    """The result as DICOM."""
    found = own_or_404(request, prediction_id)
    if not hasattr(found, "result"):
        raise Http404
    headers = {"Content-Disposition": f'attachment; filename="{found.id}.dcm"'}
    return HttpResponse(structured_report(found), content_type="application/dicom", headers=headers)


@login_required
@require_POST
def delete(request: HttpRequest, prediction_id) -> HttpResponse:
    own_or_404(request, prediction_id).delete()
    messages.success(request, "The prediction and its image are deleted.")
    return redirect("history")


@login_required
@require_GET
def export_all(request: HttpRequest) -> FileResponse:
    return FileResponse(export(request.user), as_attachment=True, filename="lungfuse.zip")
