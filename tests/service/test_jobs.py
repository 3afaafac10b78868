"""The table of jobs: each ends once, whoever is killed."""

import threading
import time
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from lungfuse_service.jobs import claims, tasks
from lungfuse_service.jobs.claims import claim_next, finish, finish_together, heartbeat, requeue_stale
from lungfuse_service.jobs.models import GIVEN_UP, STALE, Job, State


@pytest.fixture
def queued(ann):
    return lambda: Job.objects.create(kind="predict", user=ann)


def claim_one() -> Job:
    (job,) = claim_next()
    return job


def grow_old(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(heartbeat=timezone.now() - STALE - timedelta(seconds=1))


def test_jobs_are_claimed_in_order_and_each_by_one(queued):
    jobs = [queued() for _ in range(3)]
    assert [claim_one().pk for _ in jobs] == [job.pk for job in jobs]
    assert claim_next() == []


def test_jobs_of_a_group_are_claimed_together(ann):
    groups = ["", "a", "b", "a", "", "a"]
    jobs = [Job.objects.create(kind="predict", group=group, user=ann) for group in groups]
    claimed = [[jobs.index(job) for job in claim_next(most=2)] for _ in range(5)]
    assert claimed == [[0], [1, 3], [2], [4], [5]]


def test_a_job_whose_worker_was_ended_is_done_alone(ann):
    """It may be the reason; the others of its group do not fail with it."""
    jobs = [Job.objects.create(kind="predict", group="a", user=ann) for _ in range(3)]
    assert len(claim_next()) == 3
    Job.objects.update(heartbeat=timezone.now() - STALE - timedelta(seconds=1))
    requeue_stale()
    late = Job.objects.create(kind="predict", group="a", user=ann)
    assert [claim_one().pk for _ in jobs] == [job.pk for job in jobs]
    assert claim_one().pk == late.pk


def test_jobs_that_are_ended_together_are_those_of_the_claim(ann):
    jobs = [Job.objects.create(kind="predict", group="a", user=ann) for _ in range(3)]
    claimed = claim_next()
    Job.objects.filter(pk=jobs[1].pk).update(claim=uuid.uuid4())
    assert finish_together(claimed) == {jobs[0].pk, jobs[2].pk}
    assert finish_together(claimed) == set(), "they have ended"
    assert Job.objects.get(pk=jobs[1].pk).state == State.RUNNING


def test_many_workers_claim_each_job_once(queued):
    jobs, claimed = [queued() for _ in range(12)], []

    def claim() -> None:
        while found := claim_next():
            claimed.extend(job.pk for job in found)
        connection.close()

    workers = [threading.Thread(target=claim) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(claimed) == sorted(job.pk for job in jobs)


def test_a_job_of_a_dead_worker_is_claimed_again_and_the_dead_worker_ends_nothing(queued):
    queued()
    first = claim_one()
    assert requeue_stale() == 0, "it is at work"
    grow_old(first)
    assert requeue_stale() == 1
    second = claim_one()
    assert (second.pk, second.attempts) == (first.pk, 2)
    assert not finish(first), "another has claimed it"
    assert finish(second)
    assert not finish(second), "it has ended"


def test_a_job_that_ends_its_worker_three_times_has_failed(queued):
    job = queued()
    for _ in range(3):
        grow_old(claim_one())
        requeue_stale()
    job.refresh_from_db()
    assert (job.state, job.problem, job.attempts) == (State.FAILED, GIVEN_UP, 3)
    assert claim_next() == []


def test_a_job_at_work_has_a_heartbeat(queued, monkeypatch):
    monkeypatch.setattr(claims, "BEAT", 0.02)
    queued()
    job = claim_one()
    grow_old(job)
    with heartbeat(job.claim):
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


def broken(jobs: list[Job]) -> None:
    raise RuntimeError("/secret/path")


def test_of_jobs_that_are_done_together_the_broken_one_fails_alone(ann, monkeypatch):
    jobs = [Job.objects.create(kind="predict", group="a", user=ann) for _ in range(3)]
    monkeypatch.setitem(tasks.WORK, "predict", f"{__name__}.broken_by_the_second")
    tasks.work.call_local()
    states = [Job.objects.get(pk=job.pk).state for job in jobs]
    assert states == [State.DONE, State.FAILED, State.DONE]


def broken_by_the_second(jobs: list[Job]) -> None:
    second = Job.objects.all()[1]
    if second in jobs:
        raise RuntimeError
    for job in jobs:
        finish(job)


def test_the_worker_is_woken_once_for_all_that_waits():
    for _ in range(3):
        tasks.wake()
    assert tasks.work.huey.pending_count() == 1
    tasks.work.huey.dequeue()
    tasks.wake()
    assert tasks.work.huey.pending_count() == 1, "what was read may have found less"
    tasks.work.huey.flush()


def test_a_queue_that_does_not_answer_loses_nothing(ann, asked, monkeypatch):
    monkeypatch.setattr(tasks.work, "huey", None)
    assert asked(ann).job.state == State.QUEUED


def test_a_deleted_job_ends_no_more(ann, asked):
    prediction = asked(ann)
    job = claim_one()
    prediction.delete()
    assert not finish(job)
    job.refresh_from_db()
    assert job.state == State.FAILED and job.ended
