"""Predictions for programs. They use the forms and functions of the pages."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET

from lungfuse_service.accounts.models import user_of
from lungfuse_service.api.openapi import document
from lungfuse_service.catalogue.models import TrainedModel
from lungfuse_service.jobs.tasks import wake
from lungfuse_service.predictions.forms import CaseForm
from lungfuse_service.predictions.models import Prediction
from lungfuse_service.predictions.record import record_of
from lungfuse_service.predictions.structured_report import structured_report
from lungfuse_service.predictions.submit import QuotaError
from lungfuse_service.predictions.views import accept, predictions_of

View = Callable[..., HttpResponse]
BEARER = "Bearer "
UNKNOWN_TOKEN = "Send the token of your account as: Authorization: Bearer <token>."


def with_token(**views: View) -> View:
    """A view by method of the request, for who bears a token: no cookie counts here, so none can be misused."""

    @csrf_exempt
    @wraps(next(iter(views.values())))
    def view(request: HttpRequest, **arguments) -> HttpResponse:
        header = request.headers.get("Authorization", "")
        user = user_of(header.removeprefix(BEARER)) if header.startswith(BEARER) else None
        if user is None:
            response = refused(401, UNKNOWN_TOKEN)
            response["WWW-Authenticate"] = "Bearer"
            return response
        if request.method not in views:
            response = refused(405, f"{request.method} is not understood here.")
            response["Allow"] = ", ".join(views)
            return response
        request.user = user
        return views[request.method](request, **arguments)

    return view


def refused(status: int, problem: str, **more: object) -> JsonResponse:
    return JsonResponse({"problem": problem} | more, status=status)


def ask(request: HttpRequest) -> JsonResponse:
    """Accept a case; a form as multipart/form-data, as the pages send it, with the model's name."""
    model, problem = model_named(str(request.POST.get("model", "")))
    if model is None:
        return problem
    form = CaseForm(model, request.POST, request.FILES)
    if problem := unknown_field(request, form):
        return problem
    if not form.is_valid():
        return refused(400, "The case cannot be read.", fields=form.errors.get_json_data())
    try:
        prediction = accept(request.user, form)
    except QuotaError as error:
        return refused(429, str(error))
    response = JsonResponse(record_of(prediction), status=202)
    response["Location"] = reverse("api-prediction", args=[prediction.id])
    return response


def model_named(named: str) -> tuple[TrainedModel | None, JsonResponse | None]:
    """The active model of a name such as study/name, or what is said where there is none."""
    study, _, name = named.partition("/")
    model = TrainedModel.objects.select_related("study").filter(study=study, name=name, active=True).first()
    problem = f"model: found {named[:100]!r}, expected one of those that GET /api/models names."
    return model, None if model else refused(400, problem)


def unknown_field(request: HttpRequest, form: CaseForm) -> JsonResponse | None:
    """What is said where a request has a field that a form has not."""
    unknown = (request.POST.keys() | request.FILES.keys()) - form.fields.keys() - {"model"}
    return refused(400, f"{min(unknown)[:100]}: {form.model} reads {', '.join(form.fields)}.") if unknown else None


def listed(request: HttpRequest) -> JsonResponse:
    """The latest hundred predictions of the user."""
    return JsonResponse({"predictions": [record_of(each) for each in predictions_of(request.user)[:100]]})


def one(request: HttpRequest, prediction_id) -> JsonResponse:
    found = _own(request, prediction_id)
    if found is None:
        return _not_found()
    if found.job.overdue:
        wake()
    return JsonResponse(record_of(found))


def dicom_report(request: HttpRequest, prediction_id) -> HttpResponse:
    found = _own(request, prediction_id)
    if found is None or not hasattr(found, "result"):
        return _not_found()
    return HttpResponse(structured_report(found), content_type="application/dicom")


def delete(request: HttpRequest, prediction_id) -> HttpResponse:
    found = _own(request, prediction_id)
    if found is None:
        return _not_found()
    found.delete()
    return HttpResponse(status=204)


def models(request: HttpRequest) -> JsonResponse:
    found = TrainedModel.objects.filter(active=True).select_related("study")
    return JsonResponse({"models": [_model(each) for each in found]})


def _model(model: TrainedModel) -> dict:
    known = {"model": str(model), "sha256": model.sha256, "task": model.study.task, "labels": model.study.labels}
    return known | {"reads": model.columns, "score": model.score, "notice": model.study.notice}


def _own(request: HttpRequest, prediction_id) -> Prediction | None:
    return predictions_of(request.user).filter(pk=prediction_id).first()


def _not_found() -> JsonResponse:
    return refused(404, "There is no such prediction of yours.")


@require_GET
def schema(request: HttpRequest) -> JsonResponse:
    """The description of the API, for programs."""
    return JsonResponse(document(), json_dumps_params={"indent": 2})


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The same, for people."""
    return render(request, "api/page.html", {"document": document()})
