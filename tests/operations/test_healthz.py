import threading
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connections

import myweb
from myweb.operations import asking, views


@pytest.mark.django_db(transaction=True)
def test_it_works(client):
    response = client.get("/healthz", MYWEB_STRANGER="0")
    assert response.status_code == 200
    answer = response.json()
    assert abs(datetime.fromisoformat(answer.pop("time")) - datetime.now(UTC)).total_seconds() < 60
    assert answer == {"status": "ok", "version": myweb.__version__, "database": True}
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("environ", [{}, {"MYWEB_STRANGER": "1"}, {"HTTP_MYWEB_STRANGER": "0"}])
def test_version_is_nobody_elses_business(client, environ):
    assert "version" not in client.get("/healthz", **environ).json()


@pytest.mark.django_db(transaction=True)
def test_head(client):
    response = client.head("/healthz")
    assert response.status_code == 200
    assert response.content == b""


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch", "options"])
def test_other_methods(client, method):
    assert getattr(client, method)("/healthz").status_code == 405


def assert_unavailable(response):
    assert response.status_code == 503
    assert response.json()["status"] == "unavailable"
    assert response.json()["database"] is False
    assert "no-store" in response["Cache-Control"]


def test_database_is_unreachable(client, monkeypatch):
    def refuse(self):
        raise DatabaseError("no such server")

    monkeypatch.setattr(connections["default"].__class__, "cursor", refuse)
    assert_unavailable(client.get("/healthz"))


def test_database_is_silent(client, monkeypatch):
    answered = threading.Event()
    monkeypatch.setattr(asking, "PATIENCE", 0.01)
    monkeypatch.setattr(views, "has_tables", lambda: answered.wait(30))
    assert_unavailable(client.get("/healthz"))
    answered.set()
