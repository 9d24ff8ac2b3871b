"""Of many requests for a page that is not made yet, one makes it."""

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import path

from myweb import places
from myweb.places import place
from myweb.publishing import turns
from myweb.publishing.decorators import publishable
from myweb.publishing.publisher import publisher

pytestmark = pytest.mark.django_db(transaction=True)


class Page:
    """A view that counts how often it is asked, and may do something meanwhile."""

    def __init__(self) -> None:
        self.made = 0
        self.meanwhile = lambda: None

    def __call__(self, request) -> HttpResponse:
        self.made += 1
        self.meanwhile()
        return HttpResponse("<p>Text</p>")


page = Page()


class urls:
    urlpatterns = [path("page/", publishable(list)(page)), path("other/", publishable(list)(page))]


@pytest.fixture
def workers(published, settings, tmp_path, monkeypatch) -> None:
    """Three, so that one of them may wait."""
    settings.ROOT_URLCONF = urls
    settings.VAR = tmp_path
    (tmp_path / "run").mkdir()
    monkeypatch.setattr(places, "uwsgi", type("uwsgi", (), {"numproc": 3}))
    monkeypatch.setattr(page, "made", 0)
    monkeypatch.setattr(page, "meanwhile", lambda: None)


@pytest.fixture
def waited(monkeypatch) -> list[float]:
    """What a request did while it waited, which takes no time here."""
    steps: list[float] = []
    monkeypatch.setattr(turns.time, "sleep", steps.append)
    return steps


def ask(address: str = "/page/") -> bytes:
    return Client().get(address).content


def number_of(address: str) -> int:
    return turns.zlib.crc32(address.encode()) % turns.TURNS


def test_what_another_request_has_made_is_not_made_again(workers, django_assert_num_queries):
    ask()
    with django_assert_num_queries(0):
        answer = Client().get("/page/")
    assert answer.content == b"<p>Text</p>"
    assert page.made == 1
    # As who makes it answers
    (publisher().current.path / "page" / "index.html").unlink()
    made = Client().get("/page/")
    assert page.made == 2
    assert dict(answer.headers) == dict(made.headers)


@pytest.mark.parametrize("options", [{"data": {"q": "x"}}, {"HTTP_COOKIE": "sessionid=x"}])
def test_answer_for_one_alone_is_made(workers, options):
    ask()
    Client().get("/page/", **options)
    assert page.made == 2


def test_visitor_without_https_is_sent_there(workers, settings):
    ask()
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get("/page/").status_code == 301


def test_others_wait_until_it_is_made(workers, waited, monkeypatch):
    with place("making", [number_of("/page/")]):
        monkeypatch.setattr(turns.time, "sleep", lambda seconds: publish(b"Made"))
        assert ask() == b"Made"
    assert page.made == 0


def publish(content: bytes) -> None:
    publisher().current.write("page/index.html", content)


def test_other_pages_are_not_waited_for(workers, waited):
    with place("making", [number_of("/other/")]):
        ask()
    assert (page.made, waited) == (1, [])


def test_nobody_waits_for_who_does_not_make_it(workers, monkeypatch):
    """Its process was killed, or the answer cannot be kept."""
    taken = place("making", [number_of("/page/")])
    taken.__enter__()
    monkeypatch.setattr(turns.time, "sleep", lambda seconds: taken.__exit__(None, None, None))
    assert ask() == b"<p>Text</p>"
    assert page.made == 1


def test_waiting_ends(workers, waited, monkeypatch):
    monkeypatch.setattr(turns, "LONGEST", 0.05)
    with place("making", [number_of("/page/")]):
        assert ask() == b"<p>Text</p>"
    assert waited


def test_one_worker_is_left_for_others(workers, waited):
    with place("waiting", [0]), place("making", [number_of("/page/")]):
        assert ask() == b"<p>Text</p>"
    assert (page.made, waited) == (1, [])


def test_pages_come_without_a_place_for_turns(workers, settings):
    settings.VAR = settings.VAR / "nowhere"
    assert ask() == b"<p>Text</p>"
