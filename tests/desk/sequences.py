"""Editors with several tabs each, who do whatever can be done to pages, in any order."""

import itertools
import json
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from hypothesis import HealthCheck, seed
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from myweb.desk import unsent
from myweb.desk.content import digest, live_content
from myweb.desk.deletion import deleted_pages
from myweb.desk.line import Line
from myweb.desk.models import Version
from myweb.pages.models import Page
from tests.admin_forms import add_block, form_data

BACKEND = "django.contrib.auth.backends.ModelBackend"
NUMBERS = st.integers(0, 9)
HERE = {"origin": "http://testserver"}
ANSWERED = st.sampled_from([True, True, True, False])


class Keys:
    """New keys in their order, so that hypothesis finds the same pages when it does the same again."""

    def restart(self) -> None:
        self.numbers = itertools.count(1)

    def __call__(self, bits: int) -> int:
        return next(self.numbers)


keys = Keys()


@dataclass
class Tab:
    """A form that is open: `data` is what it would send, `base` what it was opened on."""

    client: Client
    url: str
    data: dict[str, Any]
    autosaved: str = ""  # the last word that was saved by itself, until something newer takes its place
    words: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return int(self.data["_count"])


class Desk(RuleBasedStateMachine):
    """After each step: whatever was sent can be found again, and what is live is what somebody has published."""

    # Of all sequences
    steps = 0
    sent = 0

    @initialize()
    def begin(self) -> None:
        Page.objects.all().delete()
        Version.objects.all().delete()
        User.objects.all().delete()
        cache.clear()
        self.numbers = itertools.count(1)
        keys.restart()
        self.clients = []
        for name in ("anna", "bao"):
            client = Client()
            client.force_login(User.objects.create_superuser(name), BACKEND)
            self.clients.append(client)
        self.tabs: list[Tab] = []
        self.to_be_found: set[str] = set()
        self.home = Page(title="Home", slug="")
        self.home.save()

    def word(self) -> str:
        """Return a word that nobody has sent before."""
        Desk.sent += 1
        return f"word{next(self.numbers)}x"

    def tab(self, number: int) -> Tab:
        return self.tabs[number % len(self.tabs)]

    def page(self, number: int) -> Page:
        pages = list(Page.objects.without_tree_fields().order_by("path"))
        return pages[number % len(pages)]

    def open_form(self, client: Client, url: str) -> None:
        response = client.get(url)
        if response.status_code == 200:
            self.tabs = [*self.tabs, Tab(client, url.partition("?")[0], form_data(response))][-6:]

    @rule(editor=st.integers(0, 1))
    def new(self, editor: int) -> None:
        self.open_form(self.clients[editor], self.clients[editor].get("/admin/pages/page/add/").headers["Location"])

    @rule(editor=st.integers(0, 1), page=NUMBERS)
    def open(self, editor: int, page: int) -> None:
        self.open_form(self.clients[editor], f"/admin/pages/page/{self.page(page).pk}/change/")

    @rule(editor=st.integers(0, 1), version=NUMBERS)
    @precondition(lambda self: Version.objects.exists())
    def open_version(self, editor: int, version: int) -> None:
        versions = list(Version.objects.order_by("pk"))
        chosen = versions[-1 - version % len(versions)]
        self.open_form(self.clients[editor], f"/admin/pages/page/{chosen.key}/change/?version={chosen.pk}")

    def type(self, tab: Tab) -> str:
        word = self.word()
        tab.data["title"] = word
        if "pages_text_set-0-text" in tab.data:
            tab.data["pages_text_set-0-text"] = f"<p>{word}</p>"
        else:
            add_block(tab.data, "text", text=f"<p>{word}</p>")
        if not tab.data.get("slug") and self.home.pk != int(tab.url.split("/")[4]):
            tab.data["slug"] = word
        return word

    @rule(tab=NUMBERS, is_answered=ANSWERED)
    @precondition(lambda self: self.tabs)
    def autosave(self, tab: int, is_answered: bool) -> None:
        chosen = self.tab(tab)
        word = self.type(chosen)
        chosen.data["_count"] = chosen.count + 1
        sent = {name: value for name, value in chosen.data.items() if name != "_publish"} | {"_autosave": "1"}
        response = chosen.client.post(chosen.url, sent)
        assert response.status_code in (200, 409), response.status_code
        answer = response.json()
        if response.status_code == 200 or "url" in answer:
            self.to_be_found.discard(chosen.autosaved)
            self.to_be_found.add(word)
            chosen.autosaved = word
        if is_answered and response.status_code == 200:
            chosen.data |= {"_base": answer["base"], "_opened": answer["opened"]}
            chosen.data |= {name: key for name, key in answer["keys"].items() if key}
        self.check()

    @rule(tab=NUMBERS, button=st.sampled_from(["_draft", "_publish", "_publish"]), is_answered=ANSWERED)
    @precondition(lambda self: self.tabs)
    def press(self, tab: int, button: str, is_answered: bool) -> None:
        chosen = self.tab(tab)
        word = self.type(chosen)
        chosen.data["_count"] = chosen.count + 1
        sent = {name: value for name, value in chosen.data.items() if name != "_publish"} | {button: "1"}
        response = chosen.client.post(chosen.url, sent)
        assert response.status_code in (200, 302), response.status_code
        self.to_be_found.discard(chosen.autosaved)
        self.to_be_found.add(word)
        chosen.autosaved = ""
        if is_answered:
            self.tabs.remove(chosen)
            self.follow(chosen, response)
        self.check()

    def follow(self, tab: Tab, response: HttpResponse) -> None:
        if response.status_code == 302 and "/change/" in response.headers["Location"]:
            self.open_form(tab.client, response.headers["Location"])

    @rule(tab=NUMBERS)
    @precondition(lambda self: self.tabs)
    def send_without_a_session(self, tab: int) -> None:
        chosen = self.tab(tab)
        word = self.type(chosen)
        stranger = Client()
        response = stranger.post(chosen.url, chosen.data, headers=HERE)
        token = response.context["unsent"]
        assert not Version.objects.filter(content__icontains=word).exists()
        path, post = unsent.unpack(token)
        assert chosen.client.post(path, post.dict()).status_code == 302
        self.to_be_found.add(word)
        self.check()

    @rule(page=NUMBERS)
    def discard(self, page: int) -> None:
        self.clients[0].post(f"/admin/pages/page/{self.page(page).pk}/discard/")
        self.check()

    @rule(page=NUMBERS, below=NUMBERS)
    def move(self, page: int, below: int) -> None:
        moved, above = self.page(page), self.page(below)
        if moved == self.home:
            return
        before = moved.parent_id
        moved.parent = above
        try:
            moved.clean()
            moved.clean_address()
        except Exception:  # no place for it
            return
        moved.save()
        line = Line(Page, moved.pk)
        if line.is_live and before != moved.parent_id:
            line.note(None, "moved")
        self.check()

    @rule(page=NUMBERS, way=st.sampled_from(["row", "queryset", "admin"]))
    @precondition(lambda self: Page.objects.count() > 1)
    def delete(self, page: int, way: str) -> None:
        gone = self.page(page)
        if gone.pk == self.home.pk:
            return
        if way == "row":
            gone.delete()
        elif way == "queryset":
            Page.objects.filter(pk=gone.pk).delete()
        else:
            self.clients[0].post(f"/admin/pages/page/{gone.pk}/delete/", {"post": "yes"})
        self.check()

    @rule(number=NUMBERS)
    @precondition(lambda self: deleted_pages().exists())
    def bring_back(self, number: int) -> None:
        deleted = list(deleted_pages())
        self.clients[1].post(f"/admin/pages/page/deleted/{deleted[number % len(deleted)].pk}/")
        self.check()

    @rule(page=NUMBERS)
    def change_by_a_command(self, page: int) -> None:
        Page.objects.filter(pk=self.page(page).pk).update(description=self.word())
        self.check()

    @rule(page=NUMBERS)
    def look(self, page: int) -> None:
        """Looking at a preview, the versions or the lists changes nothing, and nothing is an error."""
        before = list(Version.objects.values_list("pk", "event", "number").order_by("pk"))
        key = self.page(page).pk
        for path in (f"{key}/preview/", f"{key}/versions/", f"{key}/links/", "", "deleted/"):
            assert self.clients[0].get(f"/admin/pages/page/{path}").status_code == 200
        assert self.clients[0].get("/admin/").status_code == 200
        assert before == list(Version.objects.values_list("pk", "event", "number").order_by("pk"))

    def check(self) -> None:
        Desk.steps += 1
        written = json.dumps(
            [*Version.objects.values_list("content", flat=True), *(live_content(page) for page in Page.objects.all())]
        )
        assert {word for word in self.to_be_found if word not in written} == set()
        for page in Page.objects.without_tree_fields().filter(is_public=True):
            line = Line(Page, page.pk)
            published = line.versions.line().exclude(published_at=None).first()
            elsewhere = page.pk == self.home.pk or "word" in page.description
            assert elsewhere or (published and published.digest == digest(line.live)), page
            assert Client().get(page.get_absolute_url()).status_code == 200


def think(examples: int, steps: int, number: int | None = None) -> None:
    """Have hypothesis think out so many sequences of so many steps; the same ones for the same `number`."""
    settings = hypothesis_settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    with mock.patch("myweb.desk.content.secrets.randbits", keys):
        run_state_machine_as_test(Desk if number is None else seed(number)(Desk), settings=settings)
