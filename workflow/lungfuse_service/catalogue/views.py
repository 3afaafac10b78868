"""The pages about studies and their models, which anyone may read."""

from django.db import connection
from django.db.models import Prefetch
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from lungfuse_service.catalogue.models import Study, TrainedModel
from lungfuse_service.catalogue.study_files import all_verdicts, card_of, report_of, verdicts_of

REPORT_POLICY = (  # of a page that holds its own scripts: they may draw, and reach nothing
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; frame-src data: blob:; frame-ancestors 'none'"
)


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The models of all studies, those with the best score first."""
    offered = Prefetch("models", TrainedModel.objects.filter(active=True), "offered")
    studies = list(Study.objects.filter(models__active=True).distinct().prefetch_related(offered))
    for study in studies:
        study.offered.sort(key=lambda model: -(model.score.get("auroc") or 0))
        study.verdicts = verdicts_of(study.name)
        study.has_report, study.has_card = report_of(study.name).exists(), card_of(study.name) is not None
    return render(request, "catalogue/home.html", {"studies": studies})


@require_GET
def verdicts(request: HttpRequest) -> HttpResponse:
    return render(request, "catalogue/verdicts.html", {"verdicts": all_verdicts()})


@require_GET
def card(request: HttpRequest, study: str) -> HttpResponse:
    found = get_object_or_404(Study, name=study)
    text = card_of(found.name)
    if text is None:
        raise Http404
    return render(request, "catalogue/card.html", {"study": found, "card": text})


@require_GET
def report(request: HttpRequest, study: str) -> FileResponse:
    """The report of a study as it is, which can reach nothing of the service."""
    path = report_of(get_object_or_404(Study, name=study).name)
    if not path.exists():
        raise Http404
    response = FileResponse(path.open("rb"), content_type="text/html; charset=utf-8")
    response["Content-Security-Policy"] = REPORT_POLICY
    return response


@require_GET
def health(request: HttpRequest) -> JsonResponse:
    """Whether the web process and its database answer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok", "models": TrainedModel.objects.filter(active=True).count()})
