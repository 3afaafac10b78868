"""Serve on this machine: python -m lungfuse_service serve. SQLite, a web process and a worker."""

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from lungfuse_service.serve import serve


class Command(BaseCommand):
    """Bring the database up to date, then run the web process and the worker until Ctrl+C."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *, host: str, port: int, **options) -> None:
        call_command("migrate", verbosity=0)
        self.stdout.write(f"lungfuse: http://{host}:{port}/ (Ctrl+C ends it). Research software, not for diagnosis.")
        self.stdout.flush()
        serve(host, port)
