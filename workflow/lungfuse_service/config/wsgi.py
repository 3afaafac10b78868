"""The application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

from lungfuse_service.__main__ import SETTINGS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
application = get_wsgi_application()
