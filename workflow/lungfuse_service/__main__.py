"""python -m lungfuse_service <command>: the commands of Django, and `serve`."""

import os
import sys

from django.core.management import execute_from_command_line

SETTINGS = "lungfuse_service.config.settings"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    execute_from_command_line(["lungfuse_service", *sys.argv[1:]])


if __name__ == "__main__":
    main()
