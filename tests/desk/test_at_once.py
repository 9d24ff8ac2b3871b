"""Two people at the very same moment. On SQLite there is only one writer at a time anyway."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client

from myweb.desk import several
from myweb.desk.deletion import bring_back, deleted_pages
from myweb.pages.models import Page
from tests.admin_forms import form_data, new_form
from tests.factories import make_page
from tests.site import wait_for

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

LIST = "/admin/pages/page/"


def at_once(first: Callable[[], object], second: Callable[[], Any]) -> Any:
    """Do `first`, and `second` before that is committed; return the answer to this."""
    answers: list[Any] = []

    def run() -> None:
        try:
            answers.append(second())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        first()
        thread.start()
        wait_for(is_somebody_waiting, "the other one waits for the lock")
    thread.join()
    [answer] = answers
    return answer


def is_somebody_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.fixture
def somebody() -> Client:
    client = Client()
    user = User.objects.create_superuser("somebody")
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def delete(client: Client, page: Page) -> Any:
    data = {"action": "delete_selected", "_selected_action": [page.pk], "post": "yes"}
    return client.post(LIST, data, follow=True)


def paths() -> dict[str, str]:
    return dict(Page.objects.values_list("title", "path"))


def test_two_delete_a_page(somebody, home):
    about = make_page("About")
    make_page("Team", parent=about)
    answer = at_once(lambda: several.delete([about.pk], None), lambda: delete(somebody, about))
    assert answer.status_code == 200
    assert len(bring_back(deleted_pages().get(key=about.pk), None)) == 2


def test_two_choose_a_home_page(home):
    about, rooms = make_page("About"), make_page("Rooms")
    at_once(lambda: several.make_home(about, None), lambda: several.make_home(rooms, None))
    assert paths() == {"Home": "/home/", "About": "/about/", "Rooms": "/"}


@pytest.mark.parametrize("by", ["list", "form"])
def test_page_becomes_the_home_page_while_it_is_deleted(somebody, home, by):
    about = make_page("About")

    def delete_by_form() -> Any:
        return somebody.post(f"{LIST}{about.pk}/delete/", {"post": "yes"}, follow=True)

    way = {"list": lambda: delete(somebody, about), "form": delete_by_form}[by]
    answer = at_once(lambda: several.make_home(about, None), way)
    assert "This is the home page. Please choose another home page first." in answer.content.decode()
    assert paths() == {"Home": "/home/", "About": "/"}


def test_page_below_is_made_while_it_is_deleted(somebody, home):
    about = make_page("About")
    answer = at_once(lambda: make_page("Team", parent=about), lambda: delete(somebody, about))
    assert answer.status_code == 200
    assert paths() == {"Home": "/"}
    assert len(bring_back(deleted_pages().get(key=about.pk), None)) == 2


@pytest.mark.parametrize("button", ["_publish", "_save", "_autosave"])
def test_page_above_is_deleted_while_one_is_sent(somebody, home, button):
    about = make_page("About")
    url, data = new_form(somebody)
    data |= {"title": "Team", "slug": "team", "parent": about.pk, "is_published": "on"}
    del data["_publish"]
    data[button] = "1"
    answer = at_once(lambda: several.delete([about.pk], None), lambda: somebody.post(url, data, follow=True))
    assert answer.status_code == 200
    form = answer if button == "_publish" else somebody.get(url)
    assert form_data(form)["title"] == "Team"
    if button == "_publish":
        assert "The page above has been deleted." in answer.content.decode()


def test_page_above_is_deleted_while_one_is_brought_back(somebody, home):
    about = make_page("About")
    make_page("Team", parent=about).delete()
    team = deleted_pages().get()
    answer = at_once(
        lambda: several.delete([about.pk], None), lambda: somebody.post(f"{LIST}deleted/{team.pk}/", follow=True)
    )
    assert "The page above has been deleted." in answer.content.decode()
    assert deleted_pages().count() == 2
