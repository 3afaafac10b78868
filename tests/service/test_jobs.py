"""The table of jobs: each ends once, whoever is killed."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from lungfuse_service.jobs import claims, tasks
from lungfuse_service.jobs.claims import claim_next, finish, heartbeat, requeue_stale
from lungfuse_service.jobs.models import GIVEN_UP, STALE, Job, State


@pytest.fixture
def queued(ann):
    return lambda: Job.objects.create(kind="predict", user=ann)


def grow_old(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(heartbeat=timezone.now() - STALE - timedelta(seconds=1))


def test_jobs_are_claimed_in_order_and_each_by_one(queued):
    jobs = [queued() for _ in range(3)]
    assert [claim_next().pk for _ in jobs] == [job.pk for job in jobs]
    assert claim_next() is None


def test_many_workers_claim_each_job_once(queued):
    jobs, claimed = [queued() for _ in range(12)], []

    def claim() -> None:
        while job := claim_next():
            claimed.append(job.pk)
        connection.close()

    workers = [threading.Thread(target=claim) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(claimed) == sorted(job.pk for job in jobs)


def test_a_job_of_a_dead_worker_is_claimed_again_and_the_dead_worker_ends_nothing(queued):
    queued()
    first = claim_next()
    assert requeue_stale() == 0, "it is at work"
    grow_old(first)
    assert requeue_stale() == 1
    second = claim_next()
    assert (second.pk, second.attempts) == (first.pk, 2)
    assert not finish(first), "another has claimed it"
    assert finish(second)
    assert not finish(second), "it has ended"


def test_a_job_that_ends_its_worker_three_times_has_failed(queued):
    job = queued()
    for _ in range(3):
        grow_old(claim_next())
        requeue_stale()
    job.refresh_from_db()
    assert (job.state, job.problem, job.attempts) == (State.FAILED, GIVEN_UP, 3)
    assert claim_next() is None


def test_a_job_at_work_has_a_heartbeat(queued, monkeypatch):
    monkeypatch.setattr(claims, "BEAT", 0.02)
    queued()
    job = claim_next()
    grow_old(job)
    with heartbeat(job):
        for _ in range(100):
            time.sleep(0.02)
            job.refresh_from_db()
            if not job.overdue:
                break
    assert not job.overdue


def test_work_that_raises_is_a_failure_and_says_nothing_of_the_inside(queued, monkeypatch):
    job = queued()
    monkeypatch.setitem(tasks.WORK, "predict", f"{__name__}.broken")
    tasks.work.call_local()
    job.refresh_from_db()
    assert (job.state, job.problem) == (State.FAILED, tasks.NOT_MENDABLE)


def broken(job: Job) -> None:
    raise RuntimeError("/secret/path")


def test_a_queue_that_does_not_answer_loses_nothing(ann, asked, monkeypatch):
    monkeypatch.setattr(tasks.work, "huey", None)
    assert asked(ann).job.state == State.QUEUED


def test_a_deleted_job_ends_no_more(ann, asked):
    prediction = asked(ann)
    job = claim_next()
    prediction.delete()
    assert not finish(job)
    job.refresh_from_db()
    assert job.state == State.FAILED and job.ended
