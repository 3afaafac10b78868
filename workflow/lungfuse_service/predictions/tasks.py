"""What the worker does each night."""

from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from lungfuse_service.predictions.retention import delete_old, delete_unnamed


@db_periodic_task(crontab(minute="17", hour="3"))
def delete_each_night() -> None:
    delete_old()
    delete_unnamed()
