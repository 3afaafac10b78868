"""Middleware: what every request passes, and the headers of every response."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from lungfuse_service.config.problems import too_large

Next = Callable[[HttpRequest], HttpResponse]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
STEP = 64 * 1024


def behind_proxy(following: Next) -> Next:
    """Who asks is whom the proxy names, where there is one: log-in attempts are counted by that address."""

    def answer(request: HttpRequest) -> HttpResponse:
        if settings.PROXY and (named := request.headers.get("X-Forwarded-For")):
            request.META["REMOTE_ADDR"] = named.rpartition(",")[2].strip()
        return following(request)

    return answer


def headers(following: Next) -> Next:
    """Pages load nothing of other hosts, and run no script that is written in them."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = following(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Permissions-Policy", "geolocation=(), microphone=(), payment=(), usb=()")
        if not request.path.startswith(settings.STATIC_URL):
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return answer


def small_requests(following: Next) -> Next:
    """Refuse a body that is too large before anything of it is parsed: Django's own limit does not count files.

    A body without a length is read by nobody: Django takes it for empty.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) <= settings.MOST_BYTES:
            return following(request)
        _read_some(request)
        return too_large(request, settings.MOST_BYTES // 1024**2)

    return answer


def _read_some(request: HttpRequest) -> None:
    """Read what a browser sends meanwhile, which shows the answer only then; not without end."""
    for _ in range(3 * settings.MOST_BYTES // STEP):
        if not request.read(STEP):
            return
