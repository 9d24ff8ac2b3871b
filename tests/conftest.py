import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management.color import no_style
from django.core.management.commands import flush
from django.db import connections
from django.template.backends.jinja2 import Template as Jinja2Template
from django.template.context import Context
from django.test import signals
from django.utils import translation

from myweb.pages.models import SiteSettings
from tests.factories import make_page
from tests.site import Site

# A shell starts what it puts in the background with SIGINT ignored, which every site of the tests would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)


hypothesis.settings.register_profile("quick", max_examples=20)  # of 100


@pytest.fixture(scope="session")
def django_db_modify_db_settings_xdist_suffix() -> None:
    """A database in memory is each process's own by any name; pytest-django knows only Django's engine for it."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker) -> Iterator[None]:
    """
    Have what is emptied after a test get the content types and permissions that were there at the beginning.

    Django works them out anew, which takes longer than most tests.
    """
    models = [ContentType, Permission]
    with django_db_blocker.unblock():
        rows = {model: list(model.objects.all()) for model in models}

    def put_back(verbosity: int, interactive: bool, db: str) -> None:
        for model, objects in rows.items():
            model.objects.using(db).bulk_create(objects)
        with connections[db].cursor() as cursor:
            for statement in connections[db].ops.sequence_reset_sql(no_style(), models):
                cursor.execute(statement)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "emit_post_migrate_signal", put_back)
        yield


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    """Have no test begin in the language of the request that was answered last: Django leaves it behind."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True, scope="session")
def contexts_of_jinja2() -> Iterator[None]:
    """Have `response.context` know what a template for visitors was given: Django does so for its own only."""
    render = Jinja2Template.render

    def tell_and_render(template: Jinja2Template, context: Any = None, request: Any = None) -> str:
        signals.template_rendered.send(template, template=template, context=Context(context))
        return str(render(template, context, request))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Jinja2Template, "render", tell_and_render)
        yield


@pytest.fixture
def media(settings, tmp_path) -> Path:
    """A media directory of the test's own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def home(db):
    SiteSettings.objects.create(name="Lake House", tagline="Rooms with a view")
    return make_page("Home", slug="", menu="main")


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """The demonstration site, served by the real uWSGI and Nginx, as deploy/up starts them."""
    with Site() as site:
        if prepared := os.environ.get("MYWEB_TEST_VAR"):
            subprocess.run(["cp", "--archive", prepared, site.var], check=True)
        yield site.start()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium; Playwright's own needs a download."""
    # Chromium's sandbox does not run as root, as continuous integration does.
    return {**browser_type_launch_args, "executable_path": shutil.which("chromium"), "args": ["--no-sandbox"]}
