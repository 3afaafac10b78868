"""The service in this process: a database of its own, users, a model with everything that can be read, and results."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import django
import pandas as pd
import pytest
from databases import Database, initdb, temporary_database
from django.conf import settings
from production import behind_nginx
from served import Served, serving
from service_cases import COLUMNS, PASSWORD, drawn_outcome, image_file
from ward import make_ward

os.environ["DJANGO_SETTINGS_MODULE"] = "lungfuse_service.config.settings"
os.environ["LUNGFUSE_SERVICE_FOLDER"] = tempfile.mkdtemp(prefix="lungfuse-service-")
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright leaves an event loop in this thread
settings.LOGGING_CONFIG = None  # it closes the handlers of absl, and with them what pytest has put in place of stderr
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402
from django.test import Client, override_settings  # noqa: E402

from lungfuse_service.accounts.models import User  # noqa: E402
from lungfuse_service.catalogue.models import Study, TrainedModel  # noqa: E402
from lungfuse_service.jobs.claims import finish  # noqa: E402
from lungfuse_service.jobs.models import Job  # noqa: E402
from lungfuse_service.predictions.models import Overlay, Prediction, Result  # noqa: E402
from lungfuse_service.predictions.submit import Case, submit  # noqa: E402

settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # in no time
settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]


@pytest.fixture(scope="session", autouse=True)
def database() -> Iterator[None]:
    call_command("migrate", verbosity=0)
    yield
    connections.close_all()
    shutil.rmtree(settings.FOLDER)


@pytest.fixture(autouse=True)
def service(database, tmp_path) -> Iterator[None]:
    """The service of a project without studies; each test finds it empty."""
    with override_settings(PROJECT=tmp_path):
        yield
    call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)
    shutil.rmtree(settings.MEDIA_ROOT, ignore_errors=True)


@pytest.fixture
def model() -> TrainedModel:
    """A model that reads an image, a text, a number and a category."""
    labels = ["normal", "lung"]
    study = Study.objects.create(name="chest", task="binary", labels=labels, notice="synthetic, not patients")
    return TrainedModel.objects.create(
        study=study, name="early_all", sha256="ab" * 32, architecture="early", columns=COLUMNS, folds=3,
        score={"auroc": 0.91, "auroc_low": 0.88, "auroc_high": 0.94, "n": 587},
    )  # fmt: skip


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann", password=PASSWORD)


@pytest.fixture
def ben() -> User:
    return User.objects.create_user("ben", password=PASSWORD)


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """A browser in which a user has logged in."""

    def logged_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return logged_in


@pytest.fixture
def asked(model) -> Callable[..., Prediction]:
    """A case of a user that is accepted, and not looked at yet."""

    def ask(user: User, **given) -> Prediction:
        given = {"image": image_file(), "text": "Lungs are hyperexpanded.", "values": {"age": "71", "sex": "F"}} | given
        return submit(user, model, Case(**given))

    return ask


@pytest.fixture
def answered(asked) -> Callable[..., Prediction]:
    """A case of a user with its result."""

    def answer(user: User, **changes) -> Prediction:
        prediction = asked(user)
        Job.objects.filter(pk=prediction.job_id).update(state="running", claim=prediction.job_id)
        prediction.job.refresh_from_db()
        assert finish(prediction.job)
        result = Result.objects.create(prediction=prediction, outcome=drawn_outcome(**changes))
        png = image_file(mode="RGBA").read()
        Overlay.objects.bulk_create(
            Overlay(result=result, method=name, png=png) for name in ["grad-cam", "integrated-gradients"]
        )
        return prediction

    return answer


@pytest.fixture
def results(tmp_path) -> Path:
    """The folder of the results of the study of the model, as a run leaves them."""
    folder = tmp_path / "results/chest"
    folder.mkdir(parents=True)
    table = "| model | auroc |\n|:--|--:|\n| tfidf | .9 |"
    card = f"# Model card: chest\n\n{table}\n\n## Limits\n\n- No <b>other</b> one.\n\n## Use\n\nNone.\n"
    (folder / "model_card.md").write_text(card)
    (folder / "report.html").write_text("<!doctype html><title>Report</title><script>1</script>")
    verdict = {"inputs": "image + findings", "known": "image", "leak_check": False, "word": "better", "metric": "auroc"}
    verdict |= {"gain": 0.092, "gain_low": 0.0401, "gain_high": 0.1575, "margin": 0.02, "groups": 456}
    verdict |= {
        "effective_groups": 378.2,
        "part": "text",
        "part_value": 0.8645,
        "fusion": "late",
        "fusion_value": 0.9565,
    }
    pd.DataFrame([verdict]).to_csv(folder / "verdict.csv", index=False)
    return folder


@pytest.fixture(scope="session")
def ward(once) -> Path:
    """A project with a trained model, which tests only read."""
    return once("ward", make_ward)


@pytest.fixture(scope="session")
def with_models(trained) -> Path:
    """The small study as a project, with the trained models that are served."""
    study = trained("binary")
    for name in ["late-of-networks", "tfidf"]:
        study.model(name)
    return study.small.folder


@pytest.fixture(scope="session")
def served(with_models, tmp_path_factory) -> Iterator[Served]:
    """The service in processes of its own, on the small study with trained models."""
    quotas = {"MOST_WAITING": "1000", "MOST_A_DAY": "100000", "REGIONS": "no", "MOST_MEGABYTES": "1"}
    with serving(with_models, tmp_path_factory.mktemp("served") / "service", **quotas) as served:
        yield served
    assert "Traceback" not in served.log.read_text()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Database]:
    with temporary_database(initdb() or pytest.skip("initdb is not installed")) as database:
        yield database


@pytest.fixture(scope="session")
def production(with_models, postgres, tmp_path_factory) -> Iterator[Served]:
    """The service on PostgreSQL and behind nginx, on the models of `served`."""
    with behind_nginx(with_models, tmp_path_factory.mktemp("production"), postgres) as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """Chromium, where it is installed."""
    from playwright.sync_api import sync_playwright
    from screenshots import find_browser

    if not find_browser():
        pytest.skip("neither Chromium nor Chrome is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        yield browser
        browser.close()
