"""Editors with several tabs each, who do whatever can be done to pages, in any order."""

import itertools
import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock
from urllib.parse import unquote

from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client, override_settings
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from myweb.desk import unsent
from myweb.desk.content import digest, live_content
from myweb.desk.deletion import deleted_pages
from myweb.desk.line import Line
from myweb.desk.models import PreviewLink, Version
from myweb.pages.models import Page, SiteSettings
from myweb.pages.redirects import Redirect
from myweb.pages.upkeep import do_due
from myweb.publishing import rendering
from myweb.publishing.files import address, file_name
from myweb.publishing.publisher import publisher
from tests import thinking
from tests.admin_forms import add_block, form_data
from tests.factories import make_page, make_text

BACKEND = "django.contrib.auth.backends.ModelBackend"
LIST = "/admin/pages/page/"
NUMBERS = st.integers(0, 9)
EDITORS = st.integers(0, 2)
HERE = {"origin": "http://testserver"}
HOW = st.sampled_from(["answered", "answered", "answered", "unanswered", "sent twice", "never arrives"])
SLUGS = st.sampled_from(["a", "b", "A", "页面"])
LINKS = st.sampled_from(["", "key", "path", "old"])
MOST_TABS = 6
MOST_PAGES = 12
ALWAYS = ["/", "/robots.txt", "/sitemap.xml"]
LINK = re.compile(r'<a\b[^>]*?\shref="([^"]*)"')


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

    @property
    def key(self) -> int:
        return int(self.url.split("/")[4])

    @property
    def is_too_late(self) -> bool:
        """Whether somebody has saved since it was opened, and not the form itself."""
        line = Line(Page, self.key)
        return line.base != self.data["_base"] and not line.versions.filter(form=self.data["_form"]).exists()

    def sent(self, button: str) -> dict[str, Any]:
        """Count on, and return what is sent when a button is pressed."""
        self.data["_count"] = self.count + 1
        return {name: value for name, value in self.data.items() if name != "_publish"} | {button: "1"}


class Answer(NamedTuple):
    status: int
    body: bytes
    location: str = ""


class Visitors:
    """What is answered to those who are not logged in: from the files as Nginx would, or else by Django."""

    def ask(self, path: str) -> Answer:
        Desk.counts["requests"] += 1
        current, name = publisher().current, file_name(path)
        file = current.path / name if current and name else None
        if file and file.is_file():
            Desk.counts["from files"] += 1
            return Answer(200, file.read_bytes())
        return self._answer(rendering.render(path))

    def ask_django(self, path: str) -> Answer:
        """Return what is true now, and leave no file."""
        return self._answer(rendering.render_unpublished(path))

    def _answer(self, response: Any) -> Answer:
        location = response.headers.get("Location", "").removesuffix("?fresh")
        return Answer(response.status_code, response.content, location)

    def published_paths(self) -> list[str]:
        """Return for which addresses there are files where Nginx looks."""
        current = publisher().current
        return [address(name) for name in current.names()] if current else []


class Desk(RuleBasedStateMachine):
    """
    After each step: whatever was sent can be found again, what is live is what somebody has published, nothing is
    stale, no link of a public page leads to anything but 200, and old addresses lead to where the page is or say 410.
    """

    # Of all sequences
    counts: Counter[str] = Counter()

    @initialize()
    def begin(self) -> None:
        for model in (Page, Version, PreviewLink, Redirect, SiteSettings, User):
            model.objects.all().delete()
        cache.clear()
        self.numbers = itertools.count(1)
        keys.restart()
        self.clients = []
        for name in ("anna", "bao", "chris"):
            client = Client()
            client.force_login(User.objects.create_superuser(name), BACKEND)
            self.clients.append(client)
        self.tabs: list[Tab] = []
        self.to_be_found: dict[str, int] = {}  # each word, with the page's key
        self.visitors = Visitors()
        self.holders: dict[str, tuple[str, int]] = {}  # by an address's key: how it was written, and who had it last
        self.seen: dict[str, Answer] = {}
        make_page("Home", slug="")
        about = make_page("About", slug="a", menu="main")
        team = make_page("Team", slug="b", parent=about)
        make_text(team, f'<p><a href="/a/" data-page="{about.pk}">About</a></p>')
        make_text(about, f'<p><a href="/a/b/" data-page="{team.pk}">Team</a></p>')
        SiteSettings.objects.create(name="Lake House")
        # What is live without anybody having published it
        self.by_command = {page.pk: digest(live_content(page)) for page in Page.objects.all()}
        self.check()

    def word(self) -> str:
        """Return a word that nobody has sent before."""
        Desk.counts["sent"] += 1
        return f"word{next(self.numbers)}x"

    def tab(self, number: int) -> Tab:
        return self.tabs[number % len(self.tabs)]

    def page(self, number: int) -> Page:
        pages = list(Page.objects.without_tree_fields().order_by("path"))
        return pages[number % len(pages)]

    def is_last(self, page: Page) -> bool:
        """Whether no page is left when it goes, with those below it."""
        below = Page.objects.filter(pk=page.pk) if page.path == "/" else Page.objects.filter(path__startswith=page.path)
        return not Page.objects.exclude(pk__in=below.values("pk")).exists()

    def open_form(self, client: Client, url: str) -> None:
        response = client.get(url)
        if response.status_code == 200:
            self.tabs = [*self.tabs, Tab(client, url.partition("?")[0], form_data(response))][-MOST_TABS:]

    # What an editor does in a form

    @rule(editor=EDITORS)
    @precondition(lambda self: Page.objects.count() < MOST_PAGES)
    def new(self, editor: int) -> None:
        self.open_form(self.clients[editor], self.clients[editor].get(f"{LIST}add/").headers["Location"])

    @rule(editor=EDITORS, page=NUMBERS)
    def open(self, editor: int, page: int) -> None:
        self.open_form(self.clients[editor], f"{LIST}{self.page(page).pk}/change/")

    @rule(editor=EDITORS, version=NUMBERS)
    @precondition(lambda self: Version.objects.exists())
    def open_version(self, editor: int, version: int) -> None:
        """Published then, it is restored."""
        versions = list(Version.objects.order_by("pk"))
        chosen = versions[-1 - version % len(versions)]
        self.open_form(self.clients[editor], f"{LIST}{chosen.key}/change/?version={chosen.pk}")

    # hypothesis prefers rules with few arguments.
    @rule(how=st.tuples(EDITORS, SLUGS, NUMBERS))
    @precondition(lambda self: Page.objects.count() < MOST_PAGES)
    def add_and_publish(self, how: tuple[int, str, int]) -> None:
        editor, slug, below = how
        self.new(editor)
        self.tabs[-1].data |= {"slug": slug, "parent": self.page(below).pk}
        self.press(len(self.tabs) - 1, "_publish", "answered")

    @rule(how=st.tuples(EDITORS, NUMBERS, SLUGS, NUMBERS, LINKS))
    def alter_and_publish(self, how: tuple[int, int, str, int, str]) -> None:
        editor, page, slug, to, by = how
        self.open(editor, page)
        tab = len(self.tabs) - 1
        self.rename(tab, slug, "main")
        self.link(tab, to, by)
        self.press(tab, "_publish", "answered")

    @rule(how=st.tuples(NUMBERS, st.sampled_from(["_draft", "_publish", "autosave"])))
    def be_later_than_another(self, how: tuple[int, str]) -> None:
        page, button = how
        self.open(0, page)
        slow = self.tabs[-1]
        self.open(1, page)
        self.press(len(self.tabs) - 1, "_publish", "answered")
        if button == "autosave":
            self.autosave(self.tabs.index(slow), "answered")
        else:
            self.press(self.tabs.index(slow), button, "answered")

    def type(self, tab: Tab) -> str:
        word = self.word()
        tab.data["title"] = word
        text = f"<p>{word}</p>{''.join(tab.words)}"
        if "pages_text_set-0-text" in tab.data:
            tab.data["pages_text_set-0-text"] = text
        else:
            add_block(tab.data, "text", text=text)
        if not tab.data.get("slug") and not tab.data.get("is_home"):
            tab.data["slug"] = word
        return word

    @rule(tab=NUMBERS, slug=SLUGS, menu=st.sampled_from(["", "main", "footer"]))
    @precondition(lambda self: self.tabs)
    def rename(self, tab: int, slug: str, menu: str) -> None:
        self.tab(tab).data |= {"slug": slug, "menu": menu}

    @rule(tab=NUMBERS, is_home=st.booleans())
    @precondition(lambda self: self.tabs)
    def be_the_home_page(self, tab: int, is_home: bool) -> None:
        data = self.tab(tab).data
        data.pop("is_home", None)
        if is_home:
            data["is_home"] = "on"

    @rule(tab=NUMBERS, page=NUMBERS)
    @precondition(lambda self: self.tabs)
    def put_below(self, tab: int, page: int) -> None:
        self.tab(tab).data["parent"] = self.page(page).pk

    @rule(tab=NUMBERS, page=NUMBERS, by=LINKS)
    @precondition(lambda self: self.tabs)
    def link(self, tab: int, page: int, by: str) -> None:
        """As the editor writes it who chooses a page, who types its address, or one that it had once."""
        target, words = self.page(page), f"link{next(self.numbers)}"
        path = target.path
        if by == "old" and self.holders:
            path = list(self.holders.values())[page % len(self.holders)][0]
        attribute = f' data-page="{target.pk}"' if by == "key" else ""
        self.tab(tab).words = [f'<p><a href="{path}"{attribute}>{words}</a></p>'] if by else []

    @rule(tab=NUMBERS, how=HOW)
    @precondition(lambda self: self.tabs)
    def autosave(self, tab: int, how: str) -> None:
        chosen = self.tab(tab)
        word = self.type(chosen)
        sent = chosen.sent("_autosave")
        if how == "never arrives":
            return
        is_too_late = chosen.is_too_late
        response = chosen.client.post(chosen.url, sent)
        assert response.status_code == 409 or not is_too_late, "somebody was overwritten"
        assert response.status_code in (200, 409), response.status_code
        answer = response.json()
        if response.status_code == 200 or "url" in answer:
            self.to_be_found.pop(chosen.autosaved, None)
            self.to_be_found[word] = chosen.key
            chosen.autosaved = word
        if how == "sent twice":
            assert chosen.client.post(chosen.url, sent).status_code == 409
        if how == "answered" and response.status_code == 200:
            chosen.data |= {"_base": answer["base"], "_opened": answer["opened"]}
            chosen.data |= {name: key for name, key in answer["keys"].items() if key}
        self.check(changes=False)

    @rule(tab=NUMBERS, button=st.sampled_from(["_draft", "_plan", "_publish", "_publish", "_publish"]), how=HOW)
    @precondition(lambda self: self.tabs)
    def press(self, tab: int, button: str, how: str) -> None:
        chosen = self.tab(tab)
        word = self.type(chosen)
        sent = chosen.sent(button)
        if button == "_plan":
            later = timezone.localtime() + timedelta(days=1)
            sent |= {"_plan_at_0": f"{later:%Y-%m-%d}", "_plan_at_1": f"{later:%H:%M}"}
        if how == "never arrives":
            return
        is_too_late = chosen.is_too_late
        for _time in range(2 if how == "sent twice" else 1):
            response = chosen.client.post(chosen.url, sent)
            assert response.status_code in (200, 302), response.status_code
        of_form = Version.objects.filter(form=sent["_form"])
        assert not (is_too_late and of_form.filter(number__isnull=False)), "somebody was overwritten"
        self.to_be_found.pop(chosen.autosaved, None)
        self.to_be_found[word] = chosen.key
        chosen.autosaved = ""
        if how in ("answered", "sent twice"):
            self.tabs.remove(chosen)
            self.follow(chosen, response)
        is_published = of_form.filter(event=Version.Event.PUBLISHED).exists()
        Desk.counts["published"] += is_published
        Desk.counts["conflicts"] += is_too_late
        self.check(changes=is_published)

    def follow(self, tab: Tab, response: HttpResponse) -> None:
        if response.status_code == 200:  # it comes back with what is wrong at its fields
            self.tabs.append(Tab(tab.client, tab.url, form_data(response)))
        elif "/change/" in response.headers["Location"]:
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
        self.to_be_found[word] = chosen.key
        self.check(changes=False)

    @rule(editor=EDITORS, page=NUMBERS)
    def discard(self, editor: int, page: int) -> None:
        discarded = self.page(page)
        if self.is_last(discarded):
            return
        self.clients[editor].post(f"{LIST}{discarded.pk}/discard/")
        self.check(changes=False)

    @rule()
    @precondition(lambda self: Version.objects.exclude(publish_at=None).exists())
    def let_what_is_planned_become_due(self) -> None:
        Version.objects.exclude(publish_at=None).update(publish_at=timezone.now() - timedelta(minutes=1))
        do_due()
        self.check()

    # What is done from the list

    def act(self, editor: int, action: str, page: Page, **data: Any) -> None:
        sent = {"action": action, "_selected_action": page.pk, "post": "1", **data}
        assert self.clients[editor].post(LIST, sent).status_code in (200, 302, 400)
        self.check()

    @rule(editor=EDITORS, page=NUMBERS, beside=NUMBERS, where=st.sampled_from(["below", "before", "after"]))
    def move(self, editor: int, page: int, beside: int, where: str) -> None:
        data = {"pages": self.page(page).pk, "where": where, "target": self.page(beside).pk}
        assert self.clients[editor].post(f"{LIST}move/", data).status_code in (200, 302, 400)
        self.check()

    @rule(editor=EDITORS, page=NUMBERS, with_below=st.booleans())
    def publish_from_the_list(self, editor: int, page: int, with_below: bool) -> None:
        self.act(editor, "publish_pages", self.page(page), **({"with_below": "on"} if with_below else {}))

    @rule(editor=EDITORS, page=NUMBERS, other=NUMBERS)
    def hide(self, editor: int, page: int, other: int) -> None:
        self.act(editor, "hide_pages", self.page(page), home=self.page(other).pk)

    @rule(editor=EDITORS, page=NUMBERS)
    @precondition(lambda self: Page.objects.count() < MOST_PAGES)
    def copy(self, editor: int, page: int) -> None:
        data = {"pages": self.page(page).pk, "post": "1", "with_below": "on"}
        assert self.clients[editor].post(f"{LIST}copy/", data).status_code in (200, 302, 400)
        self.check(changes=False)

    @rule(editor=EDITORS, page=NUMBERS, way=st.sampled_from(["row", "queryset", "admin", "list"]), other=NUMBERS)
    def delete(self, editor: int, page: int, way: str, other: int) -> None:
        gone = self.page(page)
        if self.is_last(gone):
            return
        if way == "row":
            gone.delete()
        elif way == "queryset":
            Page.objects.filter(pk=gone.pk).delete()
        elif way == "list":
            self.act(editor, "delete_selected", gone, home=self.page(other).pk)
        else:
            self.clients[editor].post(f"{LIST}{gone.pk}/delete/", {"post": "yes"})
        # The home page asks for another one before it goes.
        assert gone.path == "/" or not Page.objects.filter(pk=gone.pk).exists()
        self.check()

    @rule(editor=EDITORS, number=NUMBERS)
    @precondition(lambda self: deleted_pages().exists())
    def bring_back(self, editor: int, number: int) -> None:
        deleted = list(deleted_pages())
        self.clients[editor].post(f"{LIST}deleted/{deleted[number % len(deleted)].pk}/")
        self.check()

    @rule(editor=EDITORS, page=NUMBERS, other=NUMBERS)
    def choose_another_target(self, editor: int, page: int, other: int) -> None:
        """For all links to a page."""
        url, data = f"{LIST}{self.page(page).pk}/pointing/", {"target": self.page(other).pk}
        assert self.clients[editor].post(url, data).status_code in (200, 302)
        self.check()

    @rule(editor=EDITORS, page=NUMBERS)
    def link_in_the_footer(self, editor: int, page: int) -> None:
        url = f"/admin/pages/sitesettings/{SiteSettings.objects.get().pk}/change/"
        data = form_data(self.clients[editor].get(url))
        data["footer_text"] = f'<p><a href="{self.page(page).path}">foot</a></p>'
        assert self.clients[editor].post(url, data).status_code == 302
        self.check()

    @rule(page=NUMBERS, name=st.sampled_from(["title", "description"]))
    def change_by_a_command(self, page: int, name: str) -> None:
        changed = self.page(page)
        Page.objects.filter(pk=changed.pk).update(**{name: self.word()})
        self.by_command[changed.pk] = digest(live_content(Page.objects.get(pk=changed.pk)))
        self.check()

    @rule(editor=EDITORS, page=NUMBERS)
    def look(self, editor: int, page: int) -> None:
        """Looking at a preview, the versions or the lists changes nothing, and nothing is an error."""
        before = list(Version.objects.values_list("pk", "event", "number").order_by("pk"))
        key = self.page(page).pk
        for path in (f"{key}/preview/", f"{key}/versions/", f"{key}/links/", f"{key}/pointing/", "", "deleted/"):
            assert self.clients[editor].get(f"{LIST}{path}").status_code == 200, path
        assert self.clients[editor].get("/admin/").status_code == 200
        assert before == list(Version.objects.values_list("pk", "event", "number").order_by("pk"))
        self.check(changes=False)

    # What holds after each step

    def check(self, *, changes: bool = True) -> None:
        """`changes`: whether the step may have changed anything that visitors see."""
        Desk.counts["steps"] += 1
        public = {page.path: page for page in Page.objects.without_tree_fields().filter(is_public=True)}
        self.check_what_was_sent()
        self.check_what_is_live(list(public.values()))
        answers = self.check_visitors(list(public))
        if not changes:
            assert answers == self.seen, "visitors see something that nobody has published"
        self.seen = answers
        self.check_links({path: answers[path].body.decode() for path in public})
        self.check_old_addresses(public)

    def check_what_was_sent(self) -> None:
        written = json.dumps(
            [*Version.objects.values_list("content", flat=True), *(live_content(page) for page in Page.objects.all())]
        )
        assert {word for word in self.to_be_found if word not in written} == set()
        if self.to_be_found:
            # The last one as its editor finds it: in the list of versions, and there in the form
            word, key = list(self.to_be_found.items())[-1]
            versions = Version.objects.of(Page, key).filter(content__icontains=word).order_by("-pk")
            # What is deleted has its draft beside what was live.
            found = next(each for each in versions if word in json.dumps([each.said["fields"], each.said["blocks"]]))
            assert f"version={found.pk}" in self.clients[0].get(f"{LIST}{key}/versions/").content.decode(), word
            assert word in self.clients[0].get(f"{LIST}{key}/change/?version={found.pk}").content.decode(), word

    def check_what_is_live(self, public: list[Page]) -> None:
        for page in public:
            line = Line(Page, page.pk)
            published = line.versions.line().exclude(published_at=None).first()
            live = digest(line.live)
            assert live in (published and published.digest, self.by_command.get(page.pk)), page

    def check_visitors(self, public: list[str]) -> dict[str, Answer]:
        """Return what everybody is answered, now that it is known to be right."""
        for path in self.visitors.published_paths():
            assert path in public or path in ALWAYS, path
        answers = {}
        for path in {*ALWAYS, *public}:
            answers[path] = self.visitors.ask_django(path)
            assert answers[path].status == 200, path
            assert self.visitors.ask(path) == answers[path], f"stale: {path}"
        return answers

    def check_links(self, pages: dict[str, str]) -> None:
        known = dict.fromkeys(pages, 200)
        for path, html in pages.items():
            for href in map(unescape, LINK.findall(html)):
                href = href.removeprefix(settings.SITE_URL).partition("#")[0]
                if not href.startswith("/") or href.startswith("/static/"):
                    assert not href or "://" in href, (path, href)
                    continue
                Desk.counts["links"] += 1
                target = unquote(href.partition("?")[0])
                if target not in known:
                    known[target] = self.visitors.ask_django(target).status
                assert known[target] == 200, (path, href, known[target])

    def check_old_addresses(self, public: dict[str, Page]) -> None:
        self.holders |= {page.address_key: (path, page.pk) for path, page in public.items() if path != "/"}
        by_key, by_pk = ({getattr(page, name): page for page in public.values()} for name in ("address_key", "pk"))
        there = set(Page.objects.values_list("pk", flat=True))
        for key, (path, holder) in self.holders.items():
            if path in public:
                continue
            Desk.counts["old addresses"] += 1
            answer = self.visitors.ask(path)
            if page := by_key.get(key) or by_pk.get(holder):
                assert (answer.status, unquote(answer.location)) == (301, page.path), (path, answer.status)
            else:
                # One that is hidden, or only a draft by now, can come again.
                assert answer.status == (404 if holder in there else 410), (path, answer.status)


@contextmanager
def publishing() -> Iterator[None]:
    """Keep answers as files, in a directory of their own."""
    root = Path(tempfile.mkdtemp(prefix="myweb-published-"))
    try:
        with override_settings(PUBLISHED_ROOT=root):
            publisher().start()
            yield
    finally:
        shutil.rmtree(root)


def think(examples: int, steps: int, number: int | None = None) -> None:
    """Have hypothesis think out so many sequences of so many steps; the same ones for the same `number`."""
    with mock.patch("myweb.desk.content.secrets.randbits", keys), publishing():
        thinking.think(Desk, examples, steps, number)
