"""
The list of pages, a branch at a time, and what is done there to one or several: move, copy, publish, hide, delete.

Everything works by links and forms; page_list.js opens branches in place, and moves by drag or "Move" and "Put".
"""

import secrets
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from myweb.admin import ChangeList, EditorAdmin
from myweb.desk import several
from myweb.desk.line import is_provisional
from myweb.desk.linking import pointers
from myweb.desk.states import NAMES, in_state, states_of

from . import pointing, tree
from .blocks import kinds
from .choosing import PageField, numbers, trails
from .home import HomeForm
from .models import Page
from .tree import Refused, Step

BELOW = "below"  # in the address of a branch: the number of the page above it
FILTERS = "_changelist_filters"  # Django's name for what leads back to the list as it was
LIST = "admin:pages_page_changelist"
AT_ONCE = 200  # pages; each takes up to 60 ms, and SQLite lets nobody else save meanwhile
DELETED_AT_ONCE = 10_000  # with those below; each takes about 0.5 ms, and as much when it is brought back
NAMED = 20  # pages that are named before something is done to more of them
MOVES = "page_moves"  # in the session: what undoes the last moves, each by its token
KEPT_MOVES = 10


class PageChangeList(ChangeList):
    """One branch, in its order; or, with a search, a filter or another order, pages of all branches."""

    below: Page | None = None  # the page above the branch; None: the top
    is_branch = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.below:
            self.title = _("Pages below “%(page)s”") % {"page": self.below}

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        filters: dict[str, Any] = super().get_filters_params(params)
        filters.pop(BELOW, None)
        return filters

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        pages = super().get_queryset(request, *args, **kwargs)
        self.is_branch = not (self.query or self.has_active_filters or ORDER_VAR in self.params)
        # What was ticked may be in branches that were opened in place.
        is_ticked = request.method == "POST" and not request.POST.get("select_across", "0").strip("0")
        if not self.is_branch:
            return pages
        self.below = self._find_below()
        pages = pages.order_by("position", "pk")
        return pages if is_ticked else pages.filter(parent=self.below)

    def _find_below(self) -> Page | None:
        value = self.params.get(BELOW)
        if not value:
            return None
        page: Page | None = Page.objects.filter(pk__in=numbers([value])).first()
        if page is None:
            raise IncorrectLookupParameters
        return page

    def _get_default_ordering(self) -> list[str]:
        return ["position"] if self.is_branch else ["path"]

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        pages = self.result_list = list(self.result_list)
        below = dict(
            Page.objects.filter(parent__in=[page.pk for page in pages])
            .order_by()
            .values_list("parent")
            .annotate(Count("pk"))
        )
        above = {} if self.is_branch else trails(pages)
        states = states_of(pages)
        filters = request.GET.urlencode()
        tools = []
        if self.model_admin.has_change_permission(request):
            tools.append(("move", _("Move")))
        if self.model_admin.has_add_permission(request):
            tools.append(("copy", _("Copy")))
        for page in pages:
            page.number_below = below.get(page.pk, 0)
            page.where = above.get(page.pk, "")
            page.state = states[page.pk].words
            page.list_filters = filters
            page.tools = tools

    def on_the_way(self) -> list[Page]:
        """Return the page above this branch, and those above that."""
        if self.below is None:
            return []
        return [page for page in Page.objects.on_the_way_to(self.below.path) if page.path != "/" or page == self.below]


class MoveForm(forms.Form):
    where = forms.ChoiceField(
        label=gettext_lazy("Where"),
        choices=[
            ("below", gettext_lazy("below this page, at the end")),
            ("before", gettext_lazy("before this page")),
            ("after", gettext_lazy("after this page")),
        ],
        initial="below",
        widget=forms.RadioSelect,
    )
    target = PageField(
        Page.objects.all(),
        label=gettext_lazy("Page"),
        required=False,
        help_text=gettext_lazy("Type some letters of its title. Left empty, “below” means the top level."),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("where") != "below" and not data.get("target") and "target" not in self.errors:
            self.add_error("target", _("Please choose the page beside which it is to be."))
        return data


class BelowForm(forms.Form):
    """Whether something is done to the pages below, too."""

    with_below = forms.BooleanField(required=False, initial=True)


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return list(NAMES.items())

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        name = self.value()
        return in_state(queryset, name) if name and name in NAMES else queryset


class PageListAdmin(EditorAdmin):
    """The list's part of the admin of pages."""

    change_list_template = "pages/list.html"
    list_display = ["titled", "address", "in_menu", "state", "tools"]
    list_display_links = None
    list_filter = [StateFilter, "menu", "language"]
    search_fields = ["title", "path", *chain.from_iterable(kind.searched_from_page() for kind in kinds())]
    actions = ["publish_pages", "hide_pages", "move_pages", "copy_pages", "delete_selected"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PageChangeList]:
        return PageChangeList

    def get_list_display(self, request: HttpRequest) -> Any:
        columns = super().get_list_display(request)
        may_change = self.has_change_permission(request) or self.has_add_permission(request)
        return [each for each in columns if each != "tools" or may_change]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        texts = {
            "mayMove": self.has_change_permission(request),
            "move": reverse("admin:pages_page_move"),
            "grip": _("Drag “%(page)s” to its new place"),
            "moving": _("“%(page)s” is being moved. Choose its new place."),
            "movingSeveral": _("%(count)s pages are being moved. Choose their new place."),
            "bar": _("Moving pages"),
            "before": _("Before"),
            "after": _("After"),
            "below": _("Below"),
            "beforePage": _("Put before “%(page)s”"),
            "afterPage": _("Put after “%(page)s”"),
            "belowPage": _("Put below “%(page)s”"),
            "top": _("To the top level"),
            "cancel": _("Cancel"),
            "cancelled": _("Nothing was moved."),
            "undo": _("Undo"),
            "show": _("Show it"),
            "close": _("Close"),
            "more": _("Show more of the %(count)s pages below “%(page)s”"),
            "opened": _("%(count)s pages below “%(page)s” are shown."),
            "level": _("Level %(level)s"),
            "selected": _("%(count)s selected"),
            "failed": _("That did not work. Please load this list again; you may have to log in."),
        }
        context = {"page_list": texts, **(extra_context or {})}
        response: HttpResponse = super().changelist_view(request, context)
        return response

    # Columns

    @admin.display(description=gettext_lazy("title"), ordering="title")
    def titled(self, page: Any) -> SafeString:
        """The title, with what opens the branch below the page, and where it is if that is not plain."""
        below: SafeString | str = ""
        if page.number_below:
            label = ngettext("%(count)d page below “%(page)s”", "%(count)d pages below “%(page)s”", page.number_below)
            below = format_html(
                '<a class="page-branch" href="?below={}" title="{}">{}</a>',
                page.pk,
                label % {"count": page.number_below, "page": page},
                page.number_below,
            )
        where = format_html('<div class="page-where">{}</div>', page.where) if page.where else ""
        return format_html(
            '<div class="page-row" data-key="{}">{}<div><a class="page-title" href="{}/change/{}">{}</a>{}</div></div>',
            page.pk,
            below,
            page.pk,
            _query(page.list_filters),
            page.title,
            where,
        )

    @admin.display(description=gettext_lazy("address"), ordering="path")
    def address(self, page: Page) -> str:
        if is_provisional(page):
            return "–"
        name = _("Home page") if page.path == "/" else page.path
        return format_html('<a href="{}">{}</a>', page.get_absolute_url(), name) if page.is_public else str(name)

    @admin.display(description=gettext_lazy("menu"), ordering="menu", empty_value="")
    def in_menu(self, page: Page) -> str | None:
        return page.get_menu_display() if page.menu else None

    @admin.display(description=gettext_lazy("state"))
    def state(self, page: Any) -> str:
        return str(page.state)

    @admin.display(description=gettext_lazy("place"))
    def tools(self, page: Any) -> SafeString:
        links = format_html_join(
            "",
            '<a class="page-{0}" href="{0}/?pages={1}{2}">{3}</a>',
            [(name, page.pk, _query(page.list_filters, "&"), _named(word, page)) for name, word in page.tools],
        )
        return format_html('<div class="page-tools">{}</div>', links)

    # Addresses

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("move/", view(self.move_view), name="pages_page_move"),
            path("move/undo/<str:token>/", view(self.undo_move_view), name="pages_page_undo_move"),
            path("copy/", view(self.copy_view), name="pages_page_copy"),
            *super().get_urls(),
        ]

    def _asked_for(self, request: HttpRequest) -> list[Page]:
        """Return the pages whose numbers are in the address or the form, in that order."""
        keys = numbers(request.POST.getlist("pages") or request.GET.getlist("pages"))
        return _in_order(Page.objects.filter(pk__in=keys[: AT_ONCE + 1]), keys)

    def _ticked(self, request: HttpRequest, queryset: "QuerySet[Page]") -> list[Page]:
        """Return what is chosen for an action, in the order of the list; one more than can be done at once."""
        keys = list(queryset.values_list("pk", flat=True)[: AT_ONCE + 1])
        ticked = {int(each): None for each in request.POST.getlist(ACTION_CHECKBOX_NAME)}
        return _in_order(Page.objects.filter(pk__in=keys), list(ticked | dict.fromkeys(keys)))

    def _refuse_number(self, request: HttpRequest, number: int) -> HttpResponse | None:
        if not number:
            return self._gone(request)
        if number > AT_ONCE:
            sentence = _("At most %(count)d pages can be chosen at once.") % {"count": AT_ONCE}
            if _wants_json(request):
                return _say([sentence], status=400)
            self.message_user(request, sentence, messages.ERROR)
            return _back(request)
        return None

    def _gone(self, request: HttpRequest) -> HttpResponse:
        sentence = _("Please choose a page. Those that were chosen are gone.")
        if _wants_json(request):
            return _say([sentence], status=400)
        self.message_user(request, sentence, messages.WARNING)
        return _back(request)

    def _confirm(self, request: HttpRequest, pages: Sequence[Page], **context: Any) -> HttpResponse:
        """Ask whether to go on: with `title`, `sentence`, `button`, and perhaps `form`, `action` and `reasons`."""
        return TemplateResponse(
            request,
            "pages/chosen.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "pages": pages,
                "named": pages[:NAMED],
                "unnamed": len(pages) - NAMED,
                "name": ACTION_CHECKBOX_NAME if "action" in context else "pages",
                "back": _list_address(request),
                **context,
            },
            status=400 if context.get("reasons") or getattr(context.get("form"), "errors", None) else 200,
        )

    # Moving

    def move_view(self, request: HttpRequest) -> HttpResponse:
        """Move pages to a place that is chosen in a form, or that a script names; then in JSON."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        return self._move(request, self._asked_for(request))

    @admin.action(description=gettext_lazy("Move…"), permissions=["change"])
    def move_pages(self, request: HttpRequest, queryset: "QuerySet[Page]") -> HttpResponse:
        pages = self._ticked(request, queryset)
        return self._refuse_number(request, len(pages)) or self._ask_for_place(request, pages, MoveForm())

    def _move(self, request: HttpRequest, pages: Sequence[Page]) -> HttpResponse:
        if refusal := self._refuse_number(request, len(pages)):
            return refusal
        form = MoveForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            if _wants_json(request) and form.is_bound:
                return _say([str(sentence) for errors in form.errors.values() for sentence in errors], status=400)
            return self._ask_for_place(request, pages, form)
        where, target = form.cleaned_data["where"], form.cleaned_data["target"]
        return self._take(request, pages, lambda: tree.move(pages, where, target), form)

    def _ask_for_place(
        self,
        request: HttpRequest,
        pages: Sequence[Page],
        form: forms.Form,
        reasons: list[tuple[Page, list[str]]] | None = None,
    ) -> HttpResponse:
        below = len(_keys_below(pages))
        sentence = ngettext("The page below goes along.", "The %(count)d pages below go along.", below)
        return self._confirm(
            request,
            pages,
            title=_("Move “%(page)s”") % {"page": pages[0]} if len(pages) == 1 else _("Move pages"),
            sentence=sentence % {"count": below} if below else "",
            button=_("Move"),
            form=form,
            reasons=reasons,
            address=_with_filters(reverse("admin:pages_page_move"), request),
        )

    def undo_move_view(self, request: HttpRequest, token: str) -> HttpResponse:
        """Put back what was moved, if it was in this session and not long ago."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        kept = request.session.get(MOVES, {}).get(token)
        if kept is None:
            raise Http404
        steps = [Step(*step) for step in kept]
        keys = [step.page for step in steps]
        pages = _in_order(Page.objects.filter(pk__in=keys), keys)
        if refusal := self._refuse_number(request, len(pages)):
            return refusal
        if request.method != "POST":
            sentence = _("They are put back to where they were.")
            return self._confirm(request, pages, title=_("Undo"), sentence=sentence, button=_("Undo"))
        return self._take(request, pages, lambda: tree.go_back(steps), None)

    def _take(
        self, request: HttpRequest, pages: Sequence[Page], change: Callable[[], list[Step]], form: Any
    ) -> HttpResponse:
        """Move pages by `change`, which returns what undoes it, and say what happened."""
        try:
            with transaction.atomic():
                back = change()
                several.note_moves([step.page for step in back], request.user)
        except Refused as refused:
            if _wants_json(request):
                return _say([sentence for _page, sentences in refused.reasons for sentence in sentences], status=400)
            if form is None:
                for page, sentences in refused.reasons:
                    self.message_user(request, f"“{page}”: {' '.join(sentences)}", messages.ERROR)
                return _back(request)
            return self._ask_for_place(request, pages, form, refused.reasons)
        moved = _in_order(Page.objects.filter(pk__in=[step.page for step in back]), [page.pk for page in pages])
        if not moved:
            return self._gone(request)
        sentence = _said_of(moved, back)
        undo = reverse("admin:pages_page_undo_move", args=[_keep(request, back)])
        if _wants_json(request):
            return _say([sentence], undo=undo, **self._place_of(moved[0]))
        undo = _with_filters(undo, request)
        link = format_html('{} <a class="page-undo" href="{}">{}</a>', sentence, undo, _("Undo"))
        self.message_user(request, link, messages.SUCCESS)
        return _back(request)

    def _place_of(self, page: Page) -> dict[str, Any]:
        """Return where a script finds a page: in which branch, and in which of the parts that are loaded one by one."""
        part = tree.number_before(page) // self.list_per_page + 1
        return {"key": str(page.pk), "below": str(page.parent_id or ""), "load": part}

    # Copying

    def copy_view(self, request: HttpRequest) -> HttpResponse:
        """Copy pages, after a question."""
        self._check_copying(request)
        return self._copy(request, self._asked_for(request))

    @admin.action(description=gettext_lazy("Copy…"), permissions=["add"])
    def copy_pages(self, request: HttpRequest, queryset: "QuerySet[Page]") -> HttpResponse:
        self._check_copying(request)
        return self._copy(request, self._ticked(request, queryset))

    def _check_copying(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request) or not self.has_add_permission(request):
            raise PermissionDenied

    def _copy(self, request: HttpRequest, pages: Sequence[Page]) -> HttpResponse:
        if refusal := self._refuse_number(request, len(pages)):
            return refusal
        below = len(_keys_below(pages))
        form = _below_form(request, below, _("Copy the pages below, too (%(count)d)"))
        reasons = None
        if form.is_valid():
            with_below = form.cleaned_data["with_below"]
            if len(pages) + (below if with_below else 0) > AT_ONCE:
                sentence = _("At most %(count)d pages can be copied at once.") % {"count": AT_ONCE}
                reasons = [(pages[0], [sentence])]
            else:
                try:
                    return self._say_copied(request, several.copy(pages, with_below, request.user))
                except Refused as refused:
                    reasons = refused.reasons
        return self._confirm(
            request,
            pages,
            title=_("Copy “%(page)s”") % {"page": pages[0]} if len(pages) == 1 else _("Copy pages"),
            sentence=_("A copy is a draft: visitors do not see it until you publish it."),
            button=_("Copy"),
            form=form if below else None,
            reasons=reasons,
            address=_with_filters(reverse("admin:pages_page_copy"), request),
        )

    def _say_copied(self, request: HttpRequest, copies: Sequence[Page]) -> HttpResponse:
        for page in copies[:NAMED]:
            link = format_html('<a href="{}">{}</a>', reverse("admin:pages_page_change", args=[page.pk]), page)
            sentence = _("%(page)s is a draft: visitors do not see it until you publish it.")
            self.message_user(request, format_html(sentence.replace("%(page)s", "{}"), link), messages.SUCCESS)
        if len(copies) > NAMED:
            sentence = ngettext(
                "%(count)d more page was copied.", "%(count)d more pages were copied.", len(copies) - NAMED
            )
            self.message_user(request, sentence % {"count": len(copies) - NAMED})
        return _back(request)

    # Publishing, hiding, deleting

    @admin.action(description=gettext_lazy("Publish…"), permissions=["change"])
    def publish_pages(self, request: HttpRequest, queryset: "QuerySet[Page]") -> HttpResponse:
        pages = self._ticked(request, queryset)
        if refusal := self._refuse_number(request, len(pages)):
            return refusal
        below = _keys_below(pages)
        hidden = set(Page.objects.filter(is_published=False).values_list("pk", flat=True)) & below
        form = _below_form(request, len(hidden), _("Publish the hidden pages below, too (%(count)d)"))
        reasons = None
        if form.is_valid():
            keys = {page.pk for page in pages} | (hidden if form.cleaned_data["with_below"] else set())
            if refusal := self._refuse_number(request, len(keys)):
                return refusal
            try:
                return self._say_published(request, several.publish(keys, request.user), keys)
            except Refused as refused:
                reasons = refused.reasons
        return self._confirm(
            request,
            pages,
            title=_("Publish pages"),
            sentence=_("Their drafts are published, and everybody can see them."),
            button=_("Publish"),
            form=form if hidden else None,
            reasons=reasons,
            action="publish_pages",
        )

    def _say_published(self, request: HttpRequest, changed: Sequence[Page], keys: set[int]) -> HttpResponse:
        sentence = ngettext("%(count)d page was published.", "%(count)d pages were published.", len(changed))
        self.message_user(request, sentence % {"count": len(changed)}, messages.SUCCESS)
        unseen = Page.objects.filter(pk__in=keys, is_public=False).select_related("parent").order_by("path")
        for page in unseen[:NAMED]:
            self.message_user(request, _why_unseen(page), messages.WARNING)
        return _back(request)

    @admin.action(description=gettext_lazy("Hide…"), permissions=["change"])
    def hide_pages(self, request: HttpRequest, queryset: "QuerySet[Page]") -> HttpResponse:
        pages = self._ticked(request, queryset)
        if refusal := self._refuse_number(request, len(pages)):
            return refusal
        form, reasons = _home_form(request, pages), None
        if "post" in request.POST and (form is None or form.is_valid()):
            try:
                number = self._hide(request, pages, form)
            except Refused as refused:
                reasons = refused.reasons
            else:
                sentence = ngettext("%(count)d page was hidden.", "%(count)d pages were hidden.", number)
                self.message_user(request, sentence % {"count": number}, messages.SUCCESS)
                return _back(request)
        below = len(_keys_below(pages))
        sentence = ngettext(
            "Visitors do not see them then, and not the page below.",
            "Visitors do not see them then, and not the %(count)d pages below.",
            below,
        )
        return self._confirm(
            request,
            pages,
            title=_("Hide pages"),
            sentence=sentence % {"count": below} if below else _("Visitors do not see them then."),
            button=_("Hide"),
            form=form,
            reasons=reasons,
            action="hide_pages",
            pointers=pointers(pointing.Branch.of(pages)),
        )

    def _choose_home(self, request: HttpRequest, form: HomeForm | None) -> None:
        if form:
            if not self.has_change_permission(request):
                raise PermissionDenied
            several.make_home(form.cleaned_data["home"], request.user)

    @transaction.atomic
    def _hide(self, request: HttpRequest, pages: Sequence[Page], form: HomeForm | None) -> int:
        self._choose_home(request, form)
        return len(several.hide([page.pk for page in pages], request.user))

    @admin.action(description=gettext_lazy("Delete…"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: "QuerySet[Page]") -> HttpResponse:
        pages = self._ticked(request, queryset)
        if refusal := self._refuse_number(request, len(pages)):
            return refusal
        below = len(_keys_below(pages))
        if len(pages) + below > DELETED_AT_ONCE:
            return self._too_many_to_delete(request)
        form, reasons = _home_form(request, pages), None
        if "post" in request.POST and (form is None or form.is_valid()):
            try:
                self._delete(request, pages, form)
            except Refused as refused:
                reasons = refused.reasons
            else:
                number = len(pages) + below
                sentence = ngettext("%(count)d page was deleted.", "%(count)d pages were deleted.", number)
                self.message_user(request, sentence % {"count": number}, messages.SUCCESS)
                return _back(request)
        return self._ask_to_delete(request, pages, below, form=form, reasons=reasons)

    @transaction.atomic
    def _delete(self, request: HttpRequest, pages: Sequence[Page], form: HomeForm | None) -> None:
        self._choose_home(request, form)
        several.delete([page.pk for page in pages], request.user)

    def _too_many_to_delete(self, request: HttpRequest) -> HttpResponse:
        sentence = _("At most %(count)d pages can be deleted at once, with those below.")
        self.message_user(request, sentence % {"count": DELETED_AT_ONCE}, messages.ERROR)
        return _back(request)

    def _ask_to_delete(self, request: HttpRequest, pages: Sequence[Page], below: int, **context: Any) -> HttpResponse:
        sentence = ngettext("The page below is deleted, too.", "The %(count)d pages below are deleted, too.", below)
        return self._confirm(
            request,
            pages,
            title=_("Delete pages"),
            sentence=sentence % {"count": below} if below else "",
            button=_("Delete"),
            action="delete_selected",
            pointers=pointers(pointing.Branch.of(pages)),
            is_dangerous=True,
            **context,
        )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        several.delete([obj.pk], request.user)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        page = Page.objects.filter(pk__in=numbers([object_id])).first()
        if page and len(_keys_below([page])) >= DELETED_AT_ONCE:
            return self._too_many_to_delete(request)
        if page and page.path == "/" and page.is_public and self.has_delete_permission(request, page):
            # It asks which page takes its place.
            form = HomeForm(leaving={page.pk})
            return self._ask_to_delete(request, [page], 0, form=form, address=reverse(LIST))
        try:
            response: HttpResponse = super().delete_view(request, object_id, extra_context)
        except Refused as refused:
            self.message_user(request, str(refused), messages.ERROR)
            return HttpResponseRedirect(request.path)
        return response


def _query(filters: str, separator: str = "?") -> str:
    """Return what leads from elsewhere back to the list as it is."""
    if not filters:
        return ""
    query = QueryDict(mutable=True)
    query[FILTERS] = filters
    return f"{separator}{query.urlencode()}"


def _with_filters(address: str, request: HttpRequest) -> str:
    return address + _query(_filters(request))


def _filters(request: HttpRequest) -> str:
    is_list = request.resolver_match and request.resolver_match.view_name == LIST
    return (request.GET if is_list else QueryDict(request.GET.get(FILTERS, ""))).urlencode()


def _list_address(request: HttpRequest) -> str:
    filters = _filters(request)
    return f"{reverse(LIST)}?{filters}" if filters else reverse(LIST)


def _back(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(_list_address(request))


def _named(word: str, page: Page) -> SafeString:
    """Return a word that is the same in every row, with the title for who only hears it."""
    return format_html('{}<span class="visually-hidden"> “{}”</span>', word, page.title)


def _keys_below(pages: Sequence[Page]) -> set[int]:
    """Return the keys of the pages below these, but not of those that are among these."""
    keys = {page.pk for page in pages}
    return tree.keys_below(keys) - keys


def _in_order(pages: "QuerySet[Page]", keys: Sequence[int]) -> list[Page]:
    found = {page.pk: page for page in pages}
    return [found[key] for key in dict.fromkeys(keys) if key in found]


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept") == "application/json"


def _say(sentences: list[str], status: int = 200, **more: Any) -> JsonResponse:
    return JsonResponse({"said": " ".join(sentences), **more}, status=status)


def _keep(request: HttpRequest, steps: list[Step]) -> str:
    """Keep what undoes a move for as long as there are not many more; return the token that finds it."""
    token = secrets.token_urlsafe(8)
    kept = {**request.session.get(MOVES, {}), token: steps}
    request.session[MOVES] = dict(list(kept.items())[-KEPT_MOVES:])
    return token


def _said_of(moved: Sequence[Page], back: Sequence[Step]) -> str:
    """Return what became of pages that were moved, now that they are where they are."""
    parent = moved[0].parent
    if len(moved) > 1:
        sentence = ngettext("%(count)d page was moved.", "%(count)d pages were moved.", len(moved))
        return sentence % {"count": len(moved)}
    [page], [step] = moved, back
    words = {"page": page, "parent": parent, "path": page.path}
    if step.parent != page.parent_id:
        if parent:
            return _("“%(page)s” is below “%(parent)s” now. Its address is %(path)s.") % words
        return _("“%(page)s” is at the top now. Its address is %(path)s.") % words
    before = tree.page_before(page)
    if before:
        return _("“%(page)s” comes after “%(before)s” now.") % {**words, "before": before}
    return _("“%(page)s” comes first now.") % words


def _why_unseen(page: Page) -> str:
    """Say why nobody can see a page that is published."""
    words = {"page": page, "parent": page.parent}
    if page.publish_from and page.publish_from > timezone.now():
        words["time"] = date_format(timezone.localtime(page.publish_from), "DATETIME_FORMAT")
        return _("“%(page)s” will appear on %(time)s, as planned.") % words
    if page.parent and not page.parent.is_public:
        return _("“%(page)s” cannot be seen as long as “%(parent)s” above it cannot be seen.") % words
    return _("“%(page)s” was to be seen until a time that is over. Please change that in its form.") % words


def _home_form(request: HttpRequest, pages: Sequence[Page]) -> HomeForm | None:
    """Return what asks for another home page, if that is among `pages`."""
    if not any(page.path == "/" and page.is_public for page in pages):
        return None
    leaving = {page.pk for page in pages} | _keys_below(pages)
    return HomeForm(request.POST if "post" in request.POST else None, leaving=leaving)


def _below_form(request: HttpRequest, number: int, label: str) -> BelowForm:
    form = BelowForm(request.POST if "post" in request.POST else None)
    form.fields["with_below"].label = label % {"count": number}
    return form
