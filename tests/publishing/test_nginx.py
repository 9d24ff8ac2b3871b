"""Published answers as visitors get them from the real Nginx, beside those that Django gives."""

import gzip
import json
import re
import threading
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import brotli
import pytest

from tests.site import Response, wait_for

pytestmark = pytest.mark.nginx

# What Django answers; such requests are never published. The session is over, so that nobody is logged in.
SESSION = {"Cookie": "sessionid=somebody"}
# Those of the connection, of the moment, and of the body's form
OF_THE_ANSWER = {"date", "x-request-id", "connection", "transfer-encoding", "content-length", "etag", "last-modified"}


@pytest.fixture(scope="module")
def addresses(site) -> list[str]:
    pages = re.findall(r"<loc>http://[^/]+(/[^<]*)</loc>", site.get("/sitemap.xml").text)
    assert len(pages) > 10
    pages.remove("/contact/")  # which is made for each visitor
    return [*pages, "/robots.txt", "/sitemap.xml"]


def headers(response: Response) -> dict[str, list[str]]:
    names = {name.lower() for name in response.headers} - OF_THE_ANSWER
    return {name: sorted(response.headers.get_all(name)) for name in names}


def headers_of_published(response: Response) -> dict[str, list[str]]:
    """Leave out the rules for links, which are not for who may be logged in, as SESSION says."""
    given = headers(response)
    assert given.pop("speculation-rules")
    return given


def headers_of_rendered(response: Response) -> dict[str, list[str]]:
    """Leave out what answers to SESSION: its cookie is taken back, so that the next answer is a file again."""
    given = headers(response)
    for cookie in given.pop("set-cookie", []):
        assert re.match(r'(__Host-)?sessionid=""; .*Max-Age=0;', cookie)
    given["vary"] = [name for name in given.get("vary", []) if name != "Cookie"]
    return {name: values for name, values in given.items() if values}


def published(site, address: str, **sent: str) -> Response:
    """Return the answer once it is a file."""
    return wait_for(
        lambda: (answer := site.get(address, **sent)).headers["ETag"] and answer, f"{address} is published", 10
    )


def rendered(site, address: str, **sent: str) -> Response:
    answer = site.request("GET", address, SESSION | {name.replace("_", "-"): value for name, value in sent.items()})
    assert "ETag" not in answer.headers
    return answer


def test_it_works(site, addresses):
    for address in addresses:
        assert published(site, address).body == rendered(site, address).body


def test_session_that_is_over_is_taken_back(site):
    assert "Max-Age=0" in rendered(site, "/").headers["Set-Cookie"]


def test_no_python_runs(site):
    wait_for(lambda: site.get("/").headers["ETag"], "the home page is published", 10)
    request_id = site.get("/").headers["X-Request-ID"]
    line = wait_for(
        lambda: next((line for line in site.log("access.log").splitlines() if request_id in line), None), "it is logged"
    )
    assert json.loads(line)["upstream_seconds"] == ""


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_headers_are_those_of_django(site, addresses, coding):
    for address in addresses:
        ours = published(site, address, Accept_Encoding=coding)
        theirs = rendered(site, address, Accept_Encoding=coding)
        assert headers_of_published(ours) == headers_of_rendered(theirs), address
    assert ours.headers["Cache-Control"] == "no-cache"
    assert ours.headers["X-Request-ID"]


@pytest.mark.parametrize("coding", ["identity", "gzip", "br"])
def test_browsers_follow_the_rules_for_links(site, coding):
    """Chromium does so by this type only."""
    from_django = site.get("/contact/").headers["Speculation-Rules"]
    assert published(site, "/").headers.get_all("Speculation-Rules") == [from_django]
    rules = site.get(from_django.strip('"'), Accept_Encoding=coding)
    assert (rules.status, rules.headers["Content-Type"]) == (200, "application/speculationrules+json")
    assert rules.headers["Content-Encoding"] == (None if coding == "identity" else coding)
    assert rules.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert rules.headers["X-Content-Type-Options"] == "nosniff"


def test_compressed_forms(site):
    plain = published(site, "/").body
    for coding, unpack in {"gzip": gzip.decompress, "br": brotli.decompress}.items():
        answer = published(site, "/", Accept_Encoding=coding)
        assert answer.headers["Content-Encoding"] == coding
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert unpack(answer.body) == plain


def test_browser_that_has_the_page(site):
    answer = published(site, "/")
    again = site.get("/", If_None_Match=answer.headers["ETag"])
    assert again.status == 304
    assert not again.body
    assert again.headers["Cache-Control"] == "no-cache"
    assert site.get("/", If_None_Match='"other"').status == 200


def test_clock_that_was_a_year_ahead(site):
    """Published files stay a year ahead for as long, and every change is seen all the same."""
    ahead = "from django.db.models import F; from myweb.publishing.models import Generation;"
    assert site.manage("shell", "-v0", "-c", f"{ahead} Generation.objects.update(number=F('number') + 31536000)")
    change = "from myweb.pages.models import Page; Page.objects.get(path='/').save()"
    seen = set()
    for _ in range(3):
        assert site.manage("shell", "-v0", "-c", change).returncode == 0
        answer = published(site, "/")
        assert parsedate_to_datetime(answer.headers["Last-Modified"]) > datetime.now(UTC) + timedelta(days=300)
        assert site.get("/", If_None_Match=answer.headers["ETag"]).status == 304
        assert site.get("/", If_Modified_Since=answer.headers["Last-Modified"]).status == 304
        seen.add(answer.headers["ETag"])
    assert len(seen) == 3


def test_head(site):
    assert published(site, "/")
    answer = site.request("HEAD", "/")
    assert answer.status == 200
    assert answer.headers["ETag"]
    assert not answer.body


def test_query_gets_the_same_page(site):
    page = published(site, "/")
    assert site.get("/?utm_source=letter").body == page.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods_go_to_django(site, method):
    published(site, "/")
    assert site.request(method, "/").status in (403, 405)


@pytest.mark.parametrize(
    "address",
    [
        "/index.html",
        "/index.html.gz",
        "/index.html.br",
        "/.published/index.html",
        "/.published/robots.txt",
        "/current/",
    ],
)
def test_files_have_no_address_of_their_own(site, address):
    published(site, "/")
    published(site, "/robots.txt")
    assert site.get(address).status in (301, 404)


def test_address_that_is_too_long_for_a_file(site):
    assert site.get(f"/{'x' * 300}/").status == 404
    assert site.get(f"/{'x' * 300}.txt").status in (301, 404)


def test_unknown_address_is_the_sites_own_404(site):
    answer = site.get("/nothing/here/")
    assert answer.status == 404
    assert "This page does not exist" in answer.text


def test_address_reaches_django_as_it_was(site):
    """After Nginx has looked for a file."""
    answer = site.get("/%E5%85%B3%20%3F%25%23/?a=b")
    assert answer.status == 404
    assert site.get("/en").headers["Location"] == "/en/"
    assert site.get("/en?a=b").headers["Location"] == "/en/?a=b"


@pytest.fixture
def own_site(site):
    with site.sibling() as own:
        own.start()
        yield own


def test_file_that_is_missing_at_any_step(own_site):
    """Django answers, and the site publishes again by itself."""
    root = own_site.var / "published"
    away = own_site.directory / "away"
    steps = {
        "file": lambda: (root / "current" / "index.html").rename(away),
        "directory": lambda: (root / "current").resolve().rename(away),
        "link": lambda: (root / "current").rename(away),
        "root": lambda: root.rename(away),
    }
    for name, remove in steps.items():
        published(own_site, "/")
        remove()
        assert own_site.get("/").status == 200, name
        published(own_site, "/")
        own_site.run("rm", "-rf", away)


def test_switching_under_load_gives_nothing_but_200(own_site):
    published(own_site, "/")
    saves = "exec('from myweb.pages.models import Page\\nfor _ in range(150): Page.objects.first().save()')"
    saving = own_site.spawn(
        own_site.root / ".venv/bin/python", own_site.root / "manage.py", "shell", "-v0", "-c", saves
    )
    answers: list[Response] = []

    def ask() -> None:
        while saving.poll() is None:
            answers.append(own_site.get("/"))

    visitors = [threading.Thread(target=ask) for _ in range(4)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert saving.returncode == 0
    assert {answer.status for answer in answers} == {200}
    assert {answer.headers["ETag"] for answer in answers} - {None}


def test_visitor_without_https_is_sent_there(site):
    with site.sibling(SITE_URL="https://localhost") as secure:
        secure.start()
        secure_headers = {"X-Forwarded-Proto": "https"}
        wait_for(lambda: secure.request("GET", "/", secure_headers).headers["ETag"], "the home page is published", 20)
        answer = secure.request("GET", "/", secure_headers)
        assert answer.status == 200
        session = {"Cookie": "__Host-sessionid=somebody"}
        assert headers_of_published(answer) == headers_of_rendered(secure.request("GET", "/", secure_headers | session))
        assert answer.headers["Strict-Transport-Security"]
        answer = secure.get("/")
        assert answer.status == 301
        assert answer.headers["Location"] == "https://localhost/"
