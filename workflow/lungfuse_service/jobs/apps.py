"""What is to be done, and by whom it is being done."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "lungfuse_service.jobs"
