"""Every screen of the admin, on a computer and on a phone: nothing for axe, the console or the scroll bar to say."""

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import axe_playwright_python
import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from myweb.contact.models import ContactMessage, ContactSettings
from myweb.desk.models import Version
from myweb.pages.models import Page as PageModel
from myweb.pages.models import SiteSettings
from myweb.pages.redirects import Redirect
from tests import test_rights
from tests.browser.test_visitor import WCAG_22_AA
from tests.site import Site

pytestmark = pytest.mark.browser

MAKE = Path(__file__).with_name("admin_screens.py")
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
MODELS = [PageModel, SiteSettings, ContactSettings, ContactMessage, User, Group, Redirect]
# Django's own, where axe is right and a mend would be a copy of its script: a name on a <span> (ticket 34619)
LEFT_TO_DJANGO = [".selector .search-label-icon"]
# The editors of formatted text begin a moment after the page.
EDITORS_STAND = """
async () => {
    const stands = (field) => field.closest(".prose-editor")?.querySelector(".prose-menubar");
    const fields = [...document.querySelectorAll("[data-django-prose-editor-configurable]")];
    while (!fields.every((field) => field.closest(".empty-form") || stands(field)))
        await new Promise(requestAnimationFrame);
    // Until the font of the icons is there, their names take the place of the tools.
    await document.fonts.ready;
}
"""
PLACES = """
() => [...document.querySelectorAll("main :is(a, button, input, select, textarea, img)")].map(
    (each) => Object.values(each.getBoundingClientRect().toJSON()).map(Math.round).join()
)
"""
LOOK = """
([tags, out]) => axe.run({exclude: out.map((each) => [each])}, {runOnly: tags, resultTypes: ["violations"]})
"""
WIDTHS = {"computer": (1280, "light", "en-US"), "phone": (360, "dark", "zh-CN")}


class Screens:
    """Their addresses, by what they are called: those of the URL resolver, and those that need more than one."""

    def __init__(self, made: dict[str, Any], url: str) -> None:
        self.session: str = made["session"]
        self.page: int = made["rows"]["page"]
        self.others: dict[str, str] = made["others"]
        rows = {model._meta.model_name: model(pk=made["rows"][model._meta.model_name]) for model in MODELS}
        versions = {name: Version(pk=key) for name, key in made["versions"].items()}
        site = test_rights.Site(rows, versions, {}, {})
        self.walked = {
            name: test_rights.addresses(site, name, model, pattern)[0]
            for name, model, pattern in test_rights.admin_patterns()
            if name not in ("logout", "view_on_site", "may_upload")  # of which the last is for Nginx
        }
        self.walked = {name: address for name, address in self.walked.items() if self.is_page(url + address)}

    def is_page(self, url: str) -> bool:
        """Whether there is a whole page of HTML, and nothing that leads elsewhere."""
        address = urlsplit(url)
        connection = HTTPConnection(address.netloc)
        with contextlib.closing(connection):
            connection.request("GET", f"{address.path}", headers={"Cookie": f"sessionid={self.session}"})
            answer = connection.getresponse()
            return answer.status != 302 and b"<html" in answer.read(500)


class Looking:
    """Looks at one screen after the other, and remembers what is wrong."""

    def __init__(self, context: BrowserContext, url: str, width: int) -> None:
        self.context, self.url, self.width = context, url, width
        self.context.add_init_script(path=AXE)
        self.page = context.new_page()
        self.wrong: list[str] = []
        self.seen: list[str] = []
        self.page.on("console", self.hear)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))

    def hear(self, message: ConsoleMessage) -> None:
        url = message.location["url"]
        # A page that is forbidden, or not there, is no surprise here. Chromium looks ahead for what Django's forms.css
        # imports, and sometimes beside the page instead of beside that file.
        if message.type in ("error", "warning") and url != self.page.url and "/widgets." not in url:
            self.wrong.append(f"{self.page.url}: {message.text} {url}")

    def visit(self, name: str, address: str) -> None:
        self.page.goto(self.url + address)
        self.look(name)

    def look(self, name: str, page: Page | None = None) -> None:
        page = page or self.page
        self.seen.append(name)
        page.evaluate(EDITORS_STAND)
        # A bar that stays in sight covers something, wherever the page is scrolled to.
        page.evaluate("document.querySelector('.desk-buttons')?.style.setProperty('position', 'static')")
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > self.width:
            self.wrong.append(f"{name}: is {wide} wide")
        # What is found while the page moves is found between two places.
        for _attempt in range(5):
            before = page.evaluate(PLACES)
            found = page.evaluate(LOOK, [WCAG_22_AA, LEFT_TO_DJANGO])
            if page.evaluate(PLACES) == before:
                break
        else:
            self.wrong.append(f"{name}: does not come to rest")
        for each in found["violations"]:
            nodes = "; ".join(node["html"][:200] for node in each["nodes"])
            self.wrong.append(f"{name}: {each['id']}: {each['help']}: {nodes}")


@pytest.fixture(scope="module")
def served(site) -> Iterator[Site]:
    with site.sibling() as other:
        yield other.start()


@pytest.fixture(scope="module")
def screens(served) -> Screens:
    made = served.manage("shell", "--no-imports", "-v0", "-c", MAKE.read_text())
    assert made.returncode == 0, made.stderr
    return Screens(json.loads(made.stdout.splitlines()[-1]), served.url)


@pytest.fixture(params=WIDTHS)
def looking(request, browser: Browser, served, screens) -> Iterator[Looking]:
    width, scheme, locale = WIDTHS[request.param]
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, locale=locale, reduced_motion="reduce"
    )
    context.add_cookies([{"name": "sessionid", "value": screens.session, "url": served.url}])
    looking = Looking(context, served.url, width)
    yield looking
    context.close()
    assert looking.wrong == [], "\n".join(looking.wrong)


def test_every_address(looking, screens):
    for name, address in (screens.walked | screens.others).items():
        looking.visit(name, address)
    assert len(looking.seen) > 60


def test_page_form_in_all_its_states(looking, screens):
    page = looking.page
    url = f"{looking.url}/admin/pages/page/{screens.page}/change/"

    def opened() -> None:
        page.goto(url)
        expect(page.locator(".block-tools").first).to_be_visible()
        expect(page.locator(".prose-menubar").first).to_be_visible()

    opened()
    page.locator(".order-machine-insert-target.last").click()
    expect(page.locator(".plugin-button").first).to_be_visible()
    looking.look("kinds of blocks")
    page.locator(".plugin-button").last.click()
    looking.look("new block")
    page.locator(".block-delete").first.click()
    page.locator(".block-toggle").nth(1).click()
    page.locator(".desk-plan summary").click()
    page.locator("#id_parent").fill("")
    page.locator("#id_parent").press_sequentially("w")
    expect(page.locator("[role=option]").first).to_be_visible()
    looking.look("blocks deleted and closed, a plan, and a search for the page above")

    opened()
    page.locator(".prose-menubar__selected").first.click()
    expect(page.get_by_role("menu")).to_be_visible()
    looking.look("text styles")
    page.keyboard.press("Escape")
    page.locator("[data-name=table]").first.click()
    expect(page.locator("dialog[open]")).to_be_visible()
    looking.look("dialog for tables")
    page.keyboard.press("Escape")
    page.locator("[data-name=link]").first.click()
    page.locator("#link-page").press_sequentially("w")
    expect(page.locator("[role=option]").first).to_be_visible()
    looking.look("dialog for links")

    opened()
    page.locator("#id_title").fill("Each kind of block")
    page.locator("[name=_preview]").click()
    expect(page.frame_locator("iframe[name=preview]").locator("main")).to_be_visible()
    looking.look("preview beside the form")

    opened()
    page.locator("#id_title").fill("")
    page.locator("[name$=-alt_text]:visible").first.fill("")
    page.locator("[name=_publish]").click()
    expect(page.locator(".errornote")).to_be_visible()
    looking.look("what is missing")


def test_conflict_and_recovery(looking, screens):
    page, url = looking.page, f"{looking.url}/admin/pages/page/{screens.page}/change/"
    page.goto(url)
    other = looking.context.new_page()
    other.goto(url)
    other.locator("#id_title").fill("Each kind of block, by another")
    other.locator("[name=_draft]").click()
    expect(other.locator(".messagelist")).to_be_visible()
    page.locator("#id_title").fill("Each kind of block, by me")
    page.locator("[name=_draft]").click()
    expect(page).to_have_url(re.compile(r"\?version="))
    looking.look("conflict")

    page.goto(url)
    looking.context.clear_cookies(name="csrftoken")
    looking.context.add_cookies([{"name": "csrftoken", "value": "n" * 32, "url": looking.url}])
    page.locator("[name=_draft]").click()
    expect(page.locator("button.default")).to_be_visible()
    looking.look("going on with another token")
    page.goto(url)
    looking.context.clear_cookies()
    page.locator("[name=_draft]").click()
    expect(page.locator(".unsent")).to_be_visible()
    looking.look("login that carries what was sent")


def ticked(page: Page, action: str) -> Locator:
    """Tick the last row of a list, choose what is done with it, and return the button."""
    page.locator(".action-select").last.check()
    page.locator("[name=action]").select_option(action)
    return page.locator(".actions [type=submit]")


def test_what_lists_ask(looking):
    page = looking.page
    lists: dict[str, Callable[[], list[str | None]]] = {
        f"/admin/{place}/": lambda: [
            option.get_attribute("value") for option in page.locator("[name=action] option").all()[1:]
        ]
        for place in ("pages/page", "pages/redirect", "contact/contactmessage", "auth/group", "auth/user")
    }
    for address, actions in lists.items():
        page.goto(looking.url + address)
        for action in actions():
            page.goto(looking.url + address)
            ticked(page, action or "").click()
            page.wait_for_load_state()
            looking.look(f"{action} at {address}")
    page.goto(f"{looking.url}/admin/pages/redirect/import/")
    page.locator("[name=text]").fill(f"/a-{looking.width};/\n/admin/x;/\n")
    page.locator("#content [type=submit]").first.click()
    page.wait_for_load_state()
    looking.look("report before an import")


def test_without_a_session(looking, screens):
    looking.context.clear_cookies()
    looking.visit("login", "/admin/login/")
    looking.page.locator("#id_username").fill("nobody")
    looking.page.locator("#id_password").fill("nothing")
    looking.page.locator("#login-form [type=submit]").click()
    expect(looking.page.locator(".errornote")).to_be_visible()
    looking.look("login that failed")


# What somebody hits with a finger; neither links among words nor boxes to tick, which have room around them
TOO_SMALL = """
() => [...document.querySelectorAll(
    "#content :is(a, button, input, select, textarea, summary, [tabindex='0']):not([type=checkbox], [type=radio])"
)].filter((each) => each.checkVisibility({opacityProperty: true, visibilityProperty: true})
    && !each.closest("p:not(.datetime), .ProseMirror *, [href^='/media/'], .small, thead, #changelist-filter")
    && !each.closest("[aria-hidden=true]"))
.map((each) => [each, each.getBoundingClientRect()])
.filter(([, {width, height}]) => width && (width < 44 || height < 43.5))
.map(([each, {width, height}]) => `${width} ${height} ${each.outerHTML.slice(0, 150)}`)
"""


def test_fingers_hit_every_tool_and_the_buttons_stay_in_sight(browser: Browser, served, screens):
    context = browser.new_context(viewport={"width": 360, "height": 640}, has_touch=True)
    context.add_cookies([{"name": "sessionid", "value": screens.session, "url": served.url}])
    page = context.new_page()
    for place in (f"{screens.page}/change/", f"{screens.page}/versions/", f"{screens.page}/links/", "deleted/", ""):
        page.goto(f"{served.url}/admin/pages/page/{place}")
        page.evaluate(EDITORS_STAND)
        assert page.evaluate(TOO_SMALL) == [], place
    page.goto(f"{served.url}/admin/pages/page/{screens.page}/change/")
    page.evaluate(EDITORS_STAND)
    for part in (0, 0.5, 1):
        page.evaluate("part => scrollTo(0, part * document.documentElement.scrollHeight)", part)
        for name in ("_draft", "_preview", "_publish"):
            expect(page.locator(f"[name={name}]")).to_be_in_viewport(ratio=1)
    # What has the focus is not behind them.
    page.locator("#id_title").focus()
    for _step in range(40):
        page.keyboard.press("Tab")
        is_hidden = page.evaluate("""() => {
            const {bottom, top} = document.activeElement.getBoundingClientRect()
            const bar = document.querySelector(".desk-buttons")
            return !bar.contains(document.activeElement) && top < innerHeight && top > bar.getBoundingClientRect().top
        }""")
        assert not is_hidden, page.evaluate("document.activeElement.outerHTML")
    context.close()
