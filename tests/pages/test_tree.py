import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from myweb.pages import tree
from myweb.pages.models import Page
from myweb.pages.tree import LAST, Refused
from tests.factories import make_page

pytestmark = pytest.mark.django_db


def order(parent: Page | None = None) -> list[str]:
    return [page.title for page in Page.objects.filter(parent=parent).order_by("position", "pk")]


def make_row(*titles: str, parent: Page | None = None) -> list[Page]:
    return [make_page(title, parent=parent) for title in titles]


def make_many(number: int, parent: Page | None = None, between: int = 10) -> list[Page]:
    pages = [Page(title=f"P{n}", slug=f"p{n}", parent=parent, position=between * n) for n in range(1, number + 1)]
    for page in pages:
        page.derive(parent)
    return Page.objects.bulk_create(pages, batch_size=1000)


class TestMove:
    def test_it_works(self):
        a, b, c = make_row("A", "B", "C")
        tree.move([c], "before", a)
        assert order() == ["C", "A", "B"]
        tree.move([c], "after", a)
        assert order() == ["A", "C", "B"]
        tree.move([c], "below", b)
        assert order(b) == ["C"]
        assert Page.objects.get(pk=c.pk).path == "/b/c/"
        tree.move([c], "below", None)
        assert order() == ["A", "B", "C"]

    def test_several_keep_their_order_and_take_along_what_is_below(self):
        a, b, c, d = make_row("A", "B", "C", "D")
        below = make_page("Below", parent=d)
        tree.move([d, below, b], "before", a)
        assert order() == ["D", "B", "A", "C"]
        assert order(d) == ["Below"]
        tree.move([a, c], "below", below)
        assert order(below) == ["A", "C"]
        assert Page.objects.get(pk=c.pk).path == "/d/below/c/"

    def test_it_is_undone_and_done_again(self):
        a, b, c = make_row("A", "B", "C")
        x, y = make_row("X", "Y", parent=a)
        back = tree.move([x, b, y], "after", c)
        assert (order(), order(a)) == (["A", "C", "X", "B", "Y"], [])
        again = tree.go_back(back)
        assert (order(), order(a)) == (["A", "B", "C"], ["X", "Y"])
        assert Page.objects.get(pk=x.pk).path == "/a/x/"
        tree.go_back(again)
        assert order() == ["A", "C", "X", "B", "Y"]

    def test_undone_beside_a_page_that_is_gone(self):
        a, b, _c = make_row("A", "B", "C")
        back = tree.move([b], "below", _c)
        a.delete()
        tree.go_back(back)
        assert order() == ["C", "B"]

    def test_undone_below_a_page_that_is_gone(self):
        a, b = make_row("A", "B")
        below = make_page("Below", parent=a)
        back = tree.move([below], "below", b)
        a.delete()
        with pytest.raises(Refused, match="has been deleted"):
            tree.go_back(back)
        b.delete()
        assert tree.go_back(back) == []

    @pytest.mark.parametrize("where", ["before", "after"])
    def test_beside_itself_is_refused(self, where):
        [a] = make_row("A")
        with pytest.raises(Refused):
            tree.move([a], where, a)

    def test_all_or_nothing(self):
        a, b, c = make_row("A", "B", "C")
        make_page("C", parent=a)
        with pytest.raises(Refused) as refused:
            tree.move([b, c], "below", a)
        assert refused.value.reasons == [(c, ["“C” has this address already."])]
        assert order() == ["A", "B", "C"]

    def test_below_itself_is_refused(self):
        [a] = make_row("A")
        with pytest.raises(Refused):
            tree.move([a], "below", make_page("B", parent=a))
        with pytest.raises(Refused):
            tree.move([a], "below", a)

    def test_home_page_stays_at_the_top(self, home):
        [a] = make_row("A")
        with pytest.raises(Refused):
            tree.move([a], "below", home)
        with pytest.raises(Refused, match="choose another home page first"):
            tree.move([home], "below", a)
        assert Page.objects.get(pk=home.pk).path == "/"

    @pytest.mark.slow("makes 2,000 pages")
    @pytest.mark.parametrize("where", ["before", "after"])
    @pytest.mark.parametrize("between", [1, 10])
    def test_few_of_many_siblings_give_way(self, where, between):
        pages = make_many(2000, between=between)
        moved, target = pages[1900], pages[1000]
        titles = order()
        titles.remove("P1901")
        titles.insert(titles.index("P1001") + (where == "after"), "P1901")
        with CaptureQueriesContext(connection) as queries:
            tree.move([moved], where, target)
        assert order() == titles
        before = {page.pk: page.position for page in pages}
        rewritten = [page for page in Page.objects.all() if page.position != before[page.pk]]
        # With nothing between them, they are moved apart up to the end where there is room.
        assert len(rewritten) == 1 if between > 1 else len(rewritten) <= 2000
        assert len(queries) < 60

    @pytest.mark.slow("moves a hundred pages")
    def test_again_and_again_to_the_same_place(self):
        make_many(300)
        first = Page.objects.order_by("position").first()
        rewritten = 0
        for page in list(Page.objects.order_by("-position")[:100]):
            before = dict(Page.objects.values_list("pk", "position"))
            tree.move([page], "after", first)
            rewritten += sum(before[pk] != position for pk, position in Page.objects.values_list("pk", "position"))
            assert order()[1] == page.title
        assert rewritten < 3000

    def test_positions_that_are_the_same(self):
        pages = make_many(5, between=0)
        Page.objects.update(position=7)
        tree.move([pages[4]], "after", pages[1])
        assert order() == ["P1", "P2", "P5", "P3", "P4"]

    def test_positions_at_their_end(self):
        a, _b, c = make_row("A", "B", "C")
        Page.objects.filter(pk=c.pk).update(position=LAST)
        tree.move([a], "after", c)
        assert order() == ["B", "C", "A"]
