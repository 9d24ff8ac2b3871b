"""What to answer where no page is: where it has gone, or that it is gone, and what is near."""

import re
from collections.abc import Sequence

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect

from .models import Page
from .redirects import Redirect, key_of_address
from .texts import same

SUGGESTIONS = 5
WORDS = 10  # of an address
CANDIDATES = 250
NEIGHBOURS = 1000  # the position of the last page that is looked at in one place: about the first 100

_ENDING = re.compile(r"\.[a-z0-9]{2,5}$")
_WORD = re.compile(r"[^\W\d_]{3,}")
# Scripts that do not separate words: two characters stand for one.
_UNSEPARATED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]+")


class NotThere(Http404):
    """No page is at `path`. `trail` are the public ones above it; `was_there` says whether one has been deleted."""

    def __init__(self, path: str, trail: Sequence[Page] = (), was_there: bool = False) -> None:
        super().__init__(path)
        self.path, self.was_there = path, was_there
        self.above = trail[-1] if trail else None


def lead_on(request: HttpRequest, path: str, trail: Sequence[Page] = ()) -> HttpResponse:
    """Redirect to where the page is that was at `path`, or has it in another spelling; raise NotThere."""
    query = request.META["QUERY_STRING"]
    found = Redirect.objects.at(path, query.encode("latin-1"))  # as WSGI decodes it
    if found is None:
        raise NotThere(path, trail)
    if found.is_gone:
        raise NotThere(path, trail, was_there=True)
    # The page at `path` itself can have appeared since: it would lead to itself.
    if found.page and (not found.page.is_public or found.page.path == path):
        raise NotThere(path, trail)
    target = found.page.get_absolute_url() if found.page else found.address
    goes_along = query and target.startswith("/") and found.address_key == key_of_address(path)
    return _redirect(f"{target}?{query}" if goes_along else target)


def _redirect(address: str) -> HttpResponse:
    response = HttpResponsePermanentRedirect(address)
    # The page may come back to its old address, and a browser that remembers this would go round in circles.
    response.headers["Cache-Control"] = "no-cache"
    return response


def words_of(text: str) -> set[str]:
    """Return the words of a title or an address, whatever their case."""
    text = same(text)
    pairs = {part[at : at + 2] for part in _UNSEPARATED.findall(text) for at in range(len(part) - 1)}
    return pairs | set(_WORD.findall(_UNSEPARATED.sub(" ", text)))


def suggestions(missing: NotThere) -> list[Page]:
    """
    Return public pages that share words with the address that was asked for, those with the most first.

    In one query, which looks at few pages: those whose own part of the address is one of those words, those below the
    page above, and those at the top.
    """
    parts = [_ENDING.sub("", part) for part in same(missing.path).split("/") if part]
    words = set(sorted(words_of(" ".join(parts[-WORDS:])), key=len)[-WORDS:])
    if not words:
        return []
    is_near = (Q(parent=missing.above) | Q(parent=None)) & Q(position__lte=NEIGHBOURS)
    found = Page.objects.published().filter(Q(slug__in=words | set(parts[-WORDS:])) | is_near).order_by()[:CANDIDATES]
    shared = [(len(words & words_of(f"{page.title} {page.slug}")), page) for page in found if page != missing.above]
    shared.sort(key=lambda item: (-item[0], item[1].path))
    return [page for number, page in shared if number][:SUGGESTIONS]
