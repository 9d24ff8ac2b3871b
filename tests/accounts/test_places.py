import pytest
from django.http import HttpResponse

from myweb import places
from myweb.accounts.places import PlacesMiddleware
from myweb.places import place


@pytest.fixture
def middleware(settings, tmp_path, monkeypatch):
    """Three workers, so two places."""
    settings.VAR = tmp_path
    (tmp_path / "run").mkdir()
    monkeypatch.setattr(places, "uwsgi", type("uwsgi", (), {"numproc": 3}))
    return PlacesMiddleware(lambda request: HttpResponse("in"))


def test_it_works(middleware, rf):
    assert middleware(rf.post("/admin/login/")).status_code == 200
    assert middleware(rf.post("/admin/login/")).status_code == 200


@pytest.mark.parametrize("path", ["login/", "password_reset/", "reset/a/b/", "setup/token/"])
def test_stranger_finds_no_place(middleware, rf, path):
    with place("place", range(1)) as found:
        assert found
        answer = middleware(rf.post(f"/admin/{path}", HTTP_ACCEPT_LANGUAGE="zh-CN,zh;q=0.9"))
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "10"
        assert "马上回来" in answer.content.decode()
        # Whoever has logged in before does, and everything else is not counted.
        assert middleware(rf.post(f"/admin/{path}", MYWEB_DEVICE="id")).status_code == 200
        assert middleware(rf.get(f"/admin/{path}")).status_code == 200
        assert middleware(rf.post("/contact/")).status_code == 200


def test_last_worker_is_for_others(middleware, rf):
    with place("place", [1]), place("place", range(1)) as found:
        assert found
        assert middleware(rf.post("/admin/login/", MYWEB_DEVICE="id")).status_code == 503


def test_one_core_has_one_place(middleware, rf, monkeypatch):
    monkeypatch.setattr(places.uwsgi, "numproc", 2)
    middleware = PlacesMiddleware(lambda request: HttpResponse("in"))
    assert middleware(rf.post("/admin/login/")).status_code == 200
    with place("place", [0]):
        assert middleware(rf.post("/admin/login/")).status_code == 503
