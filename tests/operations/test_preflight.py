import pytest
from django.core.management import CommandError, call_command

from myweb.pages.models import Page


def test_it_works(home):
    call_command("preflight")


def test_empty_site(db):
    call_command("preflight")


def test_page_that_fails(home, monkeypatch):
    monkeypatch.setattr(Page, "get_absolute_url", lambda page: 1 / 0)
    with pytest.raises(CommandError, match="Asked for /, this code answers 500"):
        call_command("preflight")


def test_database_that_does_not_answer(home, monkeypatch):
    monkeypatch.setattr("myweb.operations.views.database_answers", lambda: False)
    with pytest.raises(CommandError, match="Asked for /healthz, this code answers 503"):
        call_command("preflight")
