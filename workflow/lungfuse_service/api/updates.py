"""Confirmed cases and updates for programs. They use the forms and functions of the pages."""

from django.http import HttpRequest, JsonResponse
from django.urls import reverse

from lungfuse_service.api.views import model_named, refused, unknown_field
from lungfuse_service.updates.actions import RIGHT, NotNowError, add_case, start_update, waiting_for
from lungfuse_service.updates.forms import ConfirmedCaseForm
from lungfuse_service.updates.models import Update

NO_RIGHT = "You may not update models. The operator gives this right."


def with_right(view):
    """A view for who may update models."""

    def checked(request: HttpRequest, **arguments) -> JsonResponse:
        return view(request, **arguments) if request.user.has_perm(RIGHT) else refused(403, NO_RIGHT)

    return checked


@with_right
def add(request: HttpRequest) -> JsonResponse:
    """Add a confirmed case; a form as multipart/form-data, as the page sends it, with the model's name."""
    model, problem = model_named(str(request.POST.get("model", "")))
    if model is None:
        return problem
    form = ConfirmedCaseForm(model, request.POST, request.FILES)
    if problem := unknown_field(request, form):
        return problem
    if not form.is_valid():
        return refused(400, "The case cannot be read.", fields=form.errors.get_json_data())
    return JsonResponse(add_case(request.user, form).record, status=201)


@with_right
def waiting(request: HttpRequest) -> JsonResponse:
    """The confirmed cases that the active version of a model has not learned from."""
    model, problem = model_named(request.GET.get("model", ""))
    return problem if model is None else JsonResponse({"cases": [case.record for case in waiting_for(model)]})


@with_right
def start(request: HttpRequest) -> JsonResponse:
    model, problem = model_named(str(request.POST.get("model", "")))
    if model is None:
        return problem
    try:
        update = start_update(request.user, model)
    except NotNowError as error:
        return refused(409, str(error))
    response = JsonResponse(update.record, status=202)
    response["Location"] = reverse("api-update", args=[update.id])
    return response


@with_right
def one(request: HttpRequest, update_id) -> JsonResponse:
    found = Update.objects.select_related("base", "made", "job").filter(pk=update_id).first()
    return JsonResponse(found.record) if found else refused(404, "There is no such update.")
