"""What is said when something is wrong: a page for people, JSON for programs."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render


def problem(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse({"problem": text}, status=status)
    return render(request, "problem.html", {"title": title, "problem": text}, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(request, 400, "Not understood", "The service does not understand this request.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(request, 403, "Not allowed", "You may not do this.")


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    return problem(request, 403, "Page too old", "This page was open for too long. Go back, load it again and retry.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(request, 404, "Not found", "There is nothing here, or nothing that is yours.")


def failed(request: HttpRequest) -> HttpResponse:
    return problem(
        request, 500, "Out of order", "Something is wrong with the service. Its operator sees it in the log."
    )


def too_large(request: HttpRequest, megabytes: int) -> HttpResponse:
    return problem(request, 413, "Too large", f"This is more than {megabytes} MB. Send a smaller image.")
