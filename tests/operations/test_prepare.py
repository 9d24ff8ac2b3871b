import pytest
from django.core.management import call_command

from myweb.pages.models import Page

pytestmark = pytest.mark.django_db


def test_it_works(settings, tmp_path, home):
    settings.VAR = tmp_path
    call_command("prepare", verbosity=0)
    assert (tmp_path / "nginx" / "nginx.conf").exists()
    assert Page.objects.get() == home
