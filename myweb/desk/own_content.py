"""What publishing a page changes on no other one: its blocks. All else that a page has may be shown anywhere."""

from collections.abc import Iterable
from contextlib import AbstractContextManager

from django.db.models import Q

from myweb.pages.blocks import kinds
from myweb.pages.models import Page
from myweb.publishing.keeping import Rows, narrow


def own_content(key: int) -> AbstractContextManager[None]:
    """Open a transaction that is to change nothing that visitors see but the blocks of one page."""
    # No page shows when another one was changed; the sitemap does, and is never kept.
    rows = [Rows(Page._meta.db_table, Page._meta.pk.column, key, frozenset({"updated_at"}))]
    parents = [kind._meta.get_field("parent") for kind in kinds()]
    rows += [Rows(field.model._meta.db_table, field.column, key) for field in parents]
    return narrow(rows, lambda: _addresses(key))


def _addresses(key: int) -> Iterable[str]:
    pages = dict(Page.objects.filter(Q(pk=key) | Q(path="/", is_public=True)).order_by().values_list("pk", "path"))
    # Where there is no home page, another one is shown in its place.
    return {path for pk, path in pages.items() if pk == key} | ({"/"} - set(pages.values()))
