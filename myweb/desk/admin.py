"""The form of what has versions, in the stock admin: opened on a version, and sent as one."""

import json
import logging
import secrets
from collections.abc import Iterable
from copy import copy
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import InlineAdminForm, InlineAdminFormSet
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import OperationalError
from django.db.models import FileField, Model
from django.forms.formsets import all_valid
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from js_asset import Script

from myweb.admin import EditorAdmin
from myweb.formatted_text.pasting import say_what_was_left_out
from myweb.forms import DateTimeField, DateTimeWidget
from myweb.keys import as_key

from . import arranging, unsent
from .comparison import compare, summary
from .content import LEAST_NEW_KEY, Content, content_of, digest, fields_of, is_known, load, new_key
from .forms import DeskForm, Opening
from .line import Conflict, Late, Line, Sender
from .models import Version

logger = logging.getLogger(__name__)

Event = Version.Event

# What the form carries beside the content: a token of its own, how often it was sent, and what it was opened on
FORM, COUNT, BASE, OPENED = "_form", "_count", "_base", "_opened"
# Its buttons; one that is none of them saves a draft.
PREVIEW, PUBLISH, PLAN, AUTOSAVE, KEEP = "_preview", "_publish", "_plan", "_autosave", "_keep"
DISCARD, CANCEL = "_discard", "_cancel"
PLAN_AT = "_plan_at"
MOST_COUNT = 2**31 - 1  # what the column takes
VERSIONS_A_PAGE = 50


class DeskAdmin(EditorAdmin):
    """Saves drafts, publishes, and shows every version. Who may only draft publishes nothing."""

    form = DeskForm
    change_form_template = "desk/change_form.html"

    class Media:
        js = [Script(f"myweb/{name}.js", defer=True) for name in ("desk", "uploads", "blocks")]

    plan_field: Any = DateTimeField(
        widget=DateTimeWidget(), error_messages={"required": gettext_lazy("Please choose a day and a time.")}
    )

    # Who may do what

    def may_draft(self, request: HttpRequest) -> bool:
        return super().has_change_permission(request)

    def may_publish(self, request: HttpRequest, line: Line) -> bool:
        return super().has_change_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # Within the form it is the right to send it; what the button does is asked for there.
        return self.may_draft(request) if hasattr(request, "desk_line") else super().has_change_permission(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_view_permission(request, obj) or self.may_draft(request)

    # Addresses

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("<int:key>/versions/", view(self.versions_view), name=f"{name}_versions"),
            path("<int:key>/discard/", view(self.discard_view), name=f"{name}_discard"),
            path("<int:key>/cancel/", view(self.cancel_view), name=f"{name}_cancel"),
            path("<int:key>/token/", view(self.token_view), name=f"{name}_token"),
            *super().get_urls(),
        ]

    def url(self, name: str, key: int, query: str = "") -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=[key]) + query

    def new_key(self) -> int:
        return new_key()

    def may_be_new(self, key: int) -> bool:
        """Whether there may be a form for a row with that key, which is not there yet."""
        return key >= LEAST_NEW_KEY

    # The form

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        query = request.META["QUERY_STRING"]
        return redirect(self.url("change", self.new_key(), f"?{query}" if query else ""))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        # Not in a transaction, as Django's: a form that is only checked or shown has to lock nothing.
        if arranging.is_asked(request.POST):
            request.POST = arranging.arranged(request.POST)  # type: ignore[assignment]
        try:
            response: HttpResponse = self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined]
        except OperationalError:  # the disk is full, or somebody holds the database's lock for long
            if not unsent.is_carried(request):
                raise
            logger.exception("a form cannot be saved")
            return unsent.go_on(request, self.admin_site.each_context(request), status=503)
        return response

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the row as the version has it that the form is opened on; None if there is no such row or version."""
        if not self._is_form(request) or not self.may_draft(request):
            return super().get_object(request, object_id, from_field)
        try:
            key = self.opts.pk.to_python(object_id)
            self.opts.pk.run_validators(key)
        except ValidationError:
            return None
        line = request.desk_line = Line(self.model, key)  # type: ignore[attr-defined]
        opened = self._asked_version(request, line)
        row = copy(line.row)  # the line goes on to know what is live
        if row is None:
            is_new = self.may_be_new(key) and self.has_add_permission(request)
            if not (opened or line.last or is_new or self._had_row(request)):
                return None
            row = self.model(pk=key)
            row._state.adding = False  # what there is of it is the form
        content = opened.said if opened else line.content
        request.desk_opened = opened or line.draft  # type: ignore[attr-defined]
        row.opening = Opening(
            blocks=load(row, content) if content else [],
            typed=(content or {}).get("unread", {}),
            initial={} if content else self.get_changeform_initial_data(request),
            is_lenient=request.method == "POST" and not {PUBLISH, PLAN} & set(request.POST),
            is_rearranged=arranging.is_asked(request.POST),
        )
        request.desk_gone = gone(row, content) if content else []  # type: ignore[attr-defined]
        request.desk_unknown = [block for block in content["blocks"] if not is_known(block)] if content else []  # type: ignore[attr-defined]
        return row

    def _is_form(self, request: HttpRequest) -> bool:
        name = (request.resolver_match and request.resolver_match.url_name) or ""
        return name.rpartition("_")[2] in ("change", "preview", "discard", "cancel")

    def _had_row(self, request: HttpRequest) -> bool:
        """Whether the form was opened on what is removed for good by now: what was typed is kept nevertheless."""
        return request.method == "POST" and self._sender(request).base not in ("", "0-")

    def _asked_version(self, request: HttpRequest, line: Line) -> Version | None:
        asked = as_key(request.POST.get(OPENED) or request.GET.get("version") or "")
        if not asked:
            return None
        version: Version | None = line.versions.filter(pk=asked).select_related("author").first()
        if version is None and request.method != "POST":
            raise Http404
        return version

    # Django's steps of saving write nothing: all of it is done at once, by receive().

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        pass

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        for formset in formsets:
            formset.save(commit=False)
        request.desk_sent = form, formsets  # type: ignore[attr-defined]

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Versions tell more."""

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return self.receive(request, *request.desk_sent)  # type: ignore[attr-defined]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if not hasattr(request, "desk_line"):
            return super().render_change_form(request, context, *args, **kwargs)
        line: Line = request.desk_line
        opened = request.desk_opened  # type: ignore[attr-defined]
        if request.method == "POST":
            formsets = [inline.formset for inline in context["inline_admin_formsets"]]
            form = context["adminform"].form
            context["mistakes"] = mistakes(form, formsets)
            if form.instance.opening.is_rearranged and all_valid(formsets):
                say_what_was_refused(request, form, formsets)
                for formset in formsets:
                    formset.begin(arranging.added(request.POST))
                opened = opened if request.POST.get(OPENED) else None
            elif form.instance.opening.is_lenient:
                # Nothing but a key that no form has can be wrong with a draft.
                return HttpResponse(status=400)
            else:
                opened = self._keep_refused(request, form, formsets)
                line = Line(self.model, line.key)
        context["desk"] = self._desk_context(request, line, opened)
        context["blocks"] = in_order(context["inline_admin_formsets"])
        if line.row is None:
            context["title"] = _("Add %s") % self.opts.verbose_name
        return super().render_change_form(request, context, *args, **kwargs)

    def _desk_context(self, request: HttpRequest, line: Line, opened: Version | None) -> dict[str, Any]:
        is_current = opened is None or opened == line.draft
        live = line.live
        fields = {FORM: secrets.token_urlsafe(16), COUNT: 1, BASE: line.base, OPENED: opened.pk if opened else ""}
        if arranging.is_asked(request.POST):
            # It is still the form that was opened then, and on what was there then.
            fields |= {name: request.POST[name] for name in fields if name in request.POST}
        planned_at = self.plan_field.widget.value_from_datadict(request.POST, {}, PLAN_AT)
        return {
            "line": line,
            "opened": opened,
            "is_current": is_current,
            "fields": fields,
            "comment": request.POST.get("_comment", ""),
            "changes": compare(live if is_current else line.content, opened.said, self.model) if opened else [],
            "gone": request.desk_gone,  # type: ignore[attr-defined]
            "unknown": request.desk_unknown,  # type: ignore[attr-defined]
            "may_publish": self.may_publish(request, line),
            "planned": line.planned,
            "plan_inputs": self.plan_field.widget.render(PLAN_AT, planned_at),
            "is_planning": any(planned_at),
            "urls": {name: self.url(name, line.key) for name in ("versions", "discard", "cancel", "token")},
            "preview_url": self.preview_url(line.key),
            "links_url": self.links_url(line.key),
            "upload_url": self.upload_url(),
            "block_texts": json.dumps(block_texts()),
            "delete_url": self.url("delete", line.key) if line.row and self.has_delete_permission(request) else "",
        }

    def _keep_refused(self, request: HttpRequest, form: Any, formsets: Any) -> Version:
        """Keep as a draft what cannot be published as it is; the form comes back with what is wrong at its fields."""
        line: Line = request.desk_line  # type: ignore[attr-defined]
        for each in [form, *(form for formset in formsets for form in formset.forms)]:
            each.read_leniently()
        content, sender = self._content(request, form, formsets), self._sender(request)
        try:
            version = line.save_draft(content, sender)
        except (Conflict, Late):
            version = line.keep_aside(Event.REFUSED, content, sender)
        self.message_user(
            request, _("Not published yet, but nothing is lost. Please correct what is marked."), messages.WARNING
        )
        say_what_was_left_out(request, [form.instance, *(block for formset in formsets for block in formset.blocks())])
        return version

    def receive(self, request: HttpRequest, form: Any, formsets: Any) -> HttpResponse:
        """Do with what was sent what the button says."""
        content = self._content(request, form, formsets)
        if PREVIEW in request.POST:
            return self.preview(request, form.instance, [block for formset in formsets for block in formset.blocks()])
        if KEEP in request.POST:
            return self._keep(request, content)
        if DISCARD in request.POST:
            return self._discard(request, content)
        if CANCEL in request.POST:
            return self._cancel(request, content)
        if AUTOSAVE in request.POST:
            return self._autosave(request, content, formsets)
        say_what_was_left_out(request, [form.instance, *(block for formset in formsets for block in formset.blocks())])
        say_what_was_refused(request, form, formsets)
        if PLAN in request.POST:
            return self._plan(request, content)
        return self._save(request, content, is_published=PUBLISH in request.POST)

    def preview(self, request: HttpRequest, row: Any, blocks: list[Any]) -> HttpResponse:
        """Show what was sent as visitors would see it."""
        raise Http404

    def _save(self, request: HttpRequest, content: Content, *, is_published: bool) -> HttpResponse:
        line: Line = request.desk_line  # type: ignore[attr-defined]
        sender, planned = self._sender(request), line.planned
        if is_published and not self.may_publish(request, line):
            return self._only_draft(request, content)
        try:
            if is_published:
                line.publish(content, sender)
            else:
                line.save_draft(content, sender)
        except (Conflict, Late):
            return self._conflict(request, line, content, sender)
        except ValidationError as refusal:
            # What only the tables could tell, such as an address that was taken this very moment
            version = line.keep_aside(Event.REFUSED, content, sender)
            self.message_user(request, " ".join(refusal.messages), messages.ERROR)
            return redirect(self.url("change", line.key, f"?version={version.pk}"))
        name = Version(content=content)
        if not is_published:
            self.message_user(
                request, _("The draft of “%s” is saved. Visitors do not see it yet.") % name, messages.SUCCESS
            )
            return redirect(self.url("change", line.key))
        row = Line(self.model, line.key).row
        is_seen = getattr(row, "is_public", True)
        sentence = _("“%s” is published.") if is_seen else _("“%s” is saved. Visitors do not see it now.")
        self.message_user(request, sentence % name, messages.SUCCESS)
        if planned and not planned.refusal:
            when = date_format(localtime(planned.publish_at), "DATETIME_FORMAT")
            self.message_user(request, _("What was planned for %s is not published by itself any more.") % when)
        return self.response_post_save_change(request, row)

    def _only_draft(self, request: HttpRequest, content: Content) -> HttpResponse:
        """Rights can change while somebody types, and so can what they are asked for."""
        self.message_user(request, _("You may not publish this. Somebody else has to do that."), messages.WARNING)
        return self._save(request, content, is_published=False)

    def _plan(self, request: HttpRequest, content: Content) -> HttpResponse:
        line: Line = request.desk_line  # type: ignore[attr-defined]
        if not self.may_publish(request, line):
            return self._only_draft(request, content)
        sender, moment = self._sender(request), self.plan_field.widget.value_from_datadict(request.POST, {}, PLAN_AT)
        try:
            planned_for = self.plan_field.clean(moment)
            if planned_for <= timezone.now():
                raise ValidationError(_("This time has passed already."))
        except ValidationError as refusal:
            sentences = [*refusal.messages, _("It is saved as a draft, and not planned.")]
            self.message_user(request, " ".join(sentences), messages.ERROR)
            planned_for = None
        try:
            line.save_draft(content, sender, publish_at=planned_for)
        except (Conflict, Late):
            return self._conflict(request, line, content, sender)
        if planned_for is None:
            return redirect(self.url("change", line.key))
        when = date_format(localtime(planned_for), "DATETIME_FORMAT")
        sentence = _("On %(when)s, “%(name)s” will be published.") % {"name": Version(content=content), "when": when}
        self.message_user(request, sentence, messages.SUCCESS)
        return redirect(self.url("change", line.key))

    def _conflict(self, request: HttpRequest, line: Line, content: Content, sender: Sender) -> HttpResponse:
        now = Line(self.model, line.key)
        sent = line.versions.filter(form=sender.form).order_by("-pk").first() if sender.form else None
        same = sent if sent and sent.content == content else None
        if same and same == now.last and (same.published_at or PUBLISH not in request.POST):
            # Sent twice, since the answer was lost
            return redirect(self.url("change", line.key))
        version = same or line.keep_aside(Event.CONFLICT, content, sender)
        self.message_user(request, self._who_was_faster(now, sender), messages.WARNING)
        return redirect(self.url("change", line.key, f"?version={version.pk}"))

    def _who_was_faster(self, now: Line, sender: Sender) -> str:
        if now.row is None:
            return _("This was deleted while you had it open. Nothing is lost: here is what you sent.")
        newer = now.sent_since(sender)
        if newer and newer.author:
            return _(
                "Meanwhile, at %(when)s, %(who)s has saved this. Nothing is lost: here is what you sent, and how it"
                " differs from what is there now."
            ) % {"who": newer.author, "when": date_format(localtime(newer.created_at), "H:i")}
        return _(
            "This has been changed since you opened it. Nothing is lost: here is what you sent, and how it differs from"
            " what is there now."
        )

    def _keep(self, request: HttpRequest, content: Content) -> HttpResponse:
        line: Line = request.desk_line  # type: ignore[attr-defined]
        version = line.keep_aside(Event.UNSENT, content, self._sender(request))
        self.message_user(
            request,
            _("It is kept now, and nothing is lost: this is what you had typed. Please save or publish it."),
            messages.WARNING,
        )
        return redirect(self.url("change", line.key, f"?version={version.pk}"))

    def _autosave(self, request: HttpRequest, content: Content, formsets: Any) -> JsonResponse:
        line: Line = request.desk_line  # type: ignore[attr-defined]
        sender = self._sender(request)
        try:
            version = line.save_draft(content, sender, by_itself=True)
        except Late:
            sentence = _("This was saved from here already. Open the page again to go on.")
            answer = {"message": sentence}
            if not line.versions.filter(form=sender.form, count__gte=sender.count).exists():
                # Typed after it was published, while the browser still showed the form
                version = line.keep_aside(Event.AUTOSAVE, content, sender)
                answer["url"] = self.url("change", line.key, f"?version={version.pk}")
            return JsonResponse(answer, status=409)
        except Conflict:
            version = line.keep_aside(Event.AUTOSAVE, content, sender)
            url = self.url("change", line.key, f"?version={version.pk}")
            now = Line(self.model, line.key)
            return JsonResponse({"message": self._who_was_faster(now, sender), "url": url}, status=409)
        saved_at = date_format(localtime(version.created_at), "H:i")
        return JsonResponse(
            {
                "message": _("Saved as a draft at %s") % saved_at,
                "base": Line(self.model, line.key).base,
                "opened": version.pk,
                "keys": {form.add_prefix("id"): form.instance.pk for formset in formsets for form in formset.forms},
            }
        )

    def _discard(self, request: HttpRequest, content: Content | None = None) -> HttpResponse:
        """Take the draft back out, and keep what was typed since it was saved, as well."""
        line: Line = request.desk_line  # type: ignore[attr-defined]
        sender = self._sender(request)
        if content and not line.is_seen_by(sender):
            # Nobody discards what they have not seen.
            return self._conflict(request, line, content, sender)
        if content and not self._is_saved(line, content):
            line.keep_aside(Event.DISCARDED, content, sender)
        try:
            line.discard_draft(request.user)
        except ValidationError as refusal:
            self.message_user(request, " ".join(refusal.messages), messages.ERROR)
            return redirect(self.url("change", line.key))
        if line.draft:
            self.message_user(request, _("The draft is put aside. It is still among the versions."), messages.SUCCESS)
        return redirect(self.url("change" if line.is_live else "versions", line.key))

    def _cancel(self, request: HttpRequest, content: Content | None = None) -> HttpResponse:
        """Have a draft not be published by itself; what was typed since it was saved is the draft then."""
        line: Line = request.desk_line  # type: ignore[attr-defined]
        if not self.may_publish(request, line):
            raise PermissionDenied
        line.cancel_plan()
        self.message_user(request, _("It is not published by itself any more."), messages.SUCCESS)
        if content and not self._is_saved(line, content):
            return self._save(request, content, is_published=False)
        return redirect(self.url("change", line.key))

    def _is_saved(self, line: Line, content: Content) -> bool:
        saved = line.content
        if saved is None:
            return False
        return (digest(saved), saved.get("unread")) == (digest(content), content.get("unread"))

    def _sender(self, request: HttpRequest) -> Sender:
        said = {name: request.POST.get(name, "").replace("\0", "") for name in (COUNT, BASE, FORM, "_comment")}
        return Sender(
            author=request.user,
            base=said[BASE],
            form=said[FORM][:32],
            count=min(as_key(said[COUNT]), MOST_COUNT),
            comment=said["_comment"][:200],
        )

    def _content(self, request: HttpRequest, form: Any, formsets: Any) -> Content:
        blocks = [block for formset in formsets for block in formset.blocks()]
        for row in [form.instance, *blocks]:
            for field in row._meta.concrete_fields:
                if isinstance(field, FileField):
                    field.pre_save(row, False)  # stores what was uploaded
        content = content_of(form.instance, blocks)
        content["blocks"] += request.desk_unknown  # type: ignore[attr-defined]
        unread = form.unread_here() | {key: value for formset in formsets for key, value in formset.unread().items()}
        return {**content, "unread": unread} if unread else content

    def csrf_failed(self, request: HttpRequest, sentence: str) -> HttpResponse | None:
        """Carry what was sent, if it was sent from here; None if there is nothing to carry."""
        if not (unsent.is_carried(request) and unsent.comes_from_here(request)):
            return None
        if not self.admin_site.has_permission(request):
            response: HttpResponse = self.admin_site.admin_view(self.change_view)(request, "")  # the login
            return response
        return unsent.go_on(request, self.admin_site.each_context(request))

    # Its other screens

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return redirect("../versions/")

    def versions_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """List the versions of a row, and compare two of them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        line = Line(self.model, min(key, 2**62))
        # What was only kept aside is in no line.
        newest = line.last or line.versions.order_by("-pk").first()
        if newest is None and line.row is None:
            raise Http404
        page = Paginator(line.versions.select_related("author").order_by("-pk"), VERSIONS_A_PAGE).get_page(
            request.GET.get("p")
        )
        old, new = (line.versions.filter(pk=pk).first() for pk in self._asked_pair(request))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Versions"),
            "subtitle": str(line.row or newest),
            "line": line,
            "page": page,
            "versions": self._with_summaries(line, list(page)),
            "old": old,
            "new": new,
            "changes": compare(old.said, new.said, self.model) if old and new else None,
            "may_draft": self.may_draft(request),
            "change_url": self.url("change", line.key),
            "preview_url": self.preview_url(line.key),
            "empty_url": self.empty_url(request, line.key),
        }
        return render(request, "desk/versions.html", context)

    def preview_url(self, key: int) -> str:
        """Return where the row is shown as visitors see it, or "" if it is nowhere by itself."""
        return ""

    def empty_url(self, request: HttpRequest, key: int) -> str:
        return ""

    def links_url(self, key: int) -> str:
        return ""

    def upload_url(self) -> str:
        return ""

    def _asked_pair(self, request: HttpRequest) -> tuple[int, int]:
        return as_key(request.GET.get("old", "")), as_key(request.GET.get("new", ""))

    def _with_summaries(self, line: Line, versions: list[Version]) -> list[tuple[Version, str]]:
        """Return each version with what it changed, in a line: compared to the one before it in its line."""
        numbers = [version.number for version in versions if version.number]
        before = {
            version.number: version
            for version in (line.versions.filter(number__in=[number - 1 for number in numbers]) if numbers else [])
        }
        said = []
        for version in versions:
            older = before.get(version.number - 1) if version.number else None
            said.append((version, summary(compare(older.said, version.said, self.model)) if older else ""))
        return said

    def discard_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Take the draft back out, on POST."""
        if request.method != "POST" or not self.may_draft(request):
            raise PermissionDenied
        if FORM in request.POST:
            return self.change_view_as(request, key, DISCARD)
        request.desk_line = Line(self.model, min(key, 2**62))  # type: ignore[attr-defined]
        return self._discard(request)

    def cancel_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Have a draft not be published by itself, on POST."""
        if request.method != "POST" or not self.may_draft(request):
            raise PermissionDenied
        if FORM in request.POST:
            return self.change_view_as(request, key, CANCEL)
        request.desk_line = Line(self.model, min(key, 2**62))  # type: ignore[attr-defined]
        return self._cancel(request)

    def change_view_as(self, request: HttpRequest, key: int, button: str) -> HttpResponse:
        """Read the form that was sent to another address than its own."""
        post = request.POST.copy()
        post[button] = "1"
        request.POST = post  # type: ignore[assignment]
        response: HttpResponse = self.change_view(request, str(key))
        return response

    def token_view(self, request: HttpRequest, key: int) -> JsonResponse:
        """Tell the form that somebody is logged in, and by which token it may be sent now."""
        if not self.may_draft(request):
            raise PermissionDenied
        return JsonResponse({"token": get_token(request)})


def gone(row: Model, content: Content) -> list[str]:
    """Return the names of the fields of `row` for which `content` has something chosen that is not there any more."""
    return [
        capfirst(str(field.verbose_name))
        for field in fields_of(type(row))
        if field.is_relation and content["fields"].get(field.name) and getattr(row, field.attname) is None
    ]


def mistakes(form: Any, formsets: Any) -> list[tuple[str, str, list[str]]]:
    """Return the id of each field that was refused, what it is called, and why; blocks in their order on the page."""
    sent = [each for formset in formsets for each in formset.forms if not formset.is_deleted(each)]
    found = []
    for each in [form, *sorted(sent, key=lambda block: block.instance.ordering or 0)]:
        for name, sentences in each.errors.items():
            field = each[name] if name in each.fields else None
            words = [] if each is form else [each.instance._meta.verbose_name]
            words += [field.label] if field else []
            # Two inputs of one field have an id each.
            place = (field.id_for_label or f"{field.auto_id}_0") if field else ""
            found.append((place, " › ".join(capfirst(str(word)) for word in words), list(sentences)))
    return found


def say_what_was_refused(request: HttpRequest, form: Any, formsets: Any) -> None:
    """Tell the owner which files a draft goes without, and why."""
    for each in [form, *(form for formset in formsets for form in formset.forms)]:
        for sentence in each.refused_files:
            messages.warning(request, sentence)


def in_order(formsets: Iterable[InlineAdminFormSet]) -> list[InlineAdminForm]:
    """Return all blocks of a form in their order on the page, those too that are not saved yet."""
    shown = [
        InlineAdminForm(
            each.formset,
            form,
            each.fieldsets,
            each.prepopulated_fields,
            form.instance if number < each.formset.initial_form_count() else None,
            each.readonly_fields,
            model_admin=each.opts,
        )
        for each in formsets
        for number, form in enumerate(each.formset.forms)
    ]
    return sorted(shown, key=lambda block: block.form.instance.ordering or 0)


def block_texts() -> dict[str, str]:
    """Return what blocks.js says; it puts in what stands for a block, and for its place."""
    return {
        "toggle": _("Open or close"),
        "up": _("Move up"),
        "down": _("Move down"),
        "duplicate": _("Duplicate"),
        "delete": _("Delete"),
        "undo": _("Undo the deletion"),
        "addBefore": _("Add a block before"),
        "addLast": _("Add a block at the end"),
        "kinds": _("Kinds of blocks"),
        "added": _("Added: %s"),
        "moved": _("%(block)s is at place %(place)s of %(number)s now."),
        "stays": _("%(block)s stays at place %(place)s of %(number)s."),
        "duplicated": _("Duplicated: %s"),
        "deleted": _("Deleted: %s"),
        "broughtBack": _("Back again: %s"),
    }


class SingleRowAdmin(DeskAdmin):
    """For settings: one row, which is edited but neither added twice nor deleted."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return redirect(self.url("change", self.new_key()))

    def new_key(self) -> int:
        row = self.model.objects.first()
        return row.pk if row else 1

    def may_be_new(self, key: int) -> bool:
        return key == self.new_key()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not self.model.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return redirect("admin:index")
