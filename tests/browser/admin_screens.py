"""What a site needs, to have something on every screen of the admin; run in the site's own shell."""

import json
from datetime import timedelta

from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlsafe_base64_encode

from myweb.accounts.tokens import TokenGenerator
from myweb.contact.models import ContactSettings
from myweb.desk.line import Line, Sender
from myweb.desk.models import PreviewLink, Version
from myweb.pages.models import Page, SiteSettings
from myweb.pages.redirects import Redirect
from tests.contact.factories import make_message
from tests.factories import make_page, make_picture, make_text

TEXT = "<h2>A heading</h2><p>Some <strong>words</strong> with <a href='/contact/'>a link</a>.</p><ul><li>One</li></ul>"

owner = User.objects.create_superuser("screens", "screens@example.org", "a-rock-at-the-shore")
session = Client()
session.force_login(owner, "django.contrib.auth.backends.ModelBackend")


def change(row, **fields):
    line = Line(type(row), row.pk)
    content = line.content
    return line, {**content, "fields": content["fields"] | fields}, Sender(owner, base=line.base)


page = make_page("All kinds of blocks", menu="main")
make_text(page, TEXT)
make_picture(page)
make_text(page, "<p>And <em>more</em>.</p>", 30)
line, content, sender = change(page, title="Every kind of block")
first = line.publish(content, sender)
line, content, sender = change(page, title="Each kind of block", description="Other words")
line.save_draft(content, sender)

below = make_page("Below it", parent=page)
gone = make_page("Gone", parent=below)
Line(Page, gone.pk).publish(*change(gone, title="Gone")[1:])
Page.objects.filter(pk=gone.pk).delete()

line, content, sender = change(make_page("Planned"), title="Planned for later")
line.save_draft(content, sender, publish_at=timezone.now() + timedelta(days=7))
line, content, sender = change(make_page("Not published in time"), title="")
Version.objects.filter(pk=line.save_draft(content, sender, publish_at=timezone.now()).pk).update(refusal="No title.")

PreviewLink.make(page.pk, owner)
address = Redirect.objects.create(path="/old.html", address_key="old", page=page)
message = make_message(subject="A room in May")
group = Group.objects.create(name="Editors")
contact = ContactSettings.objects.get_or_create()[0]
settings = SiteSettings.objects.get()
for row in (settings, contact):
    line, content, sender = change(row)
    line.publish(content, sender)

reset = urlsafe_base64_encode(str(owner.pk).encode())
rows = [page, settings, contact, message, owner, group, address]
versions = {row._meta.model_name: Version.objects.of(type(row), row.pk).latest("pk").pk for row in rows[:3]}
old, new = Version.objects.of(Page, page.pk).order_by("pk")[:2]
form, versions_of = (reverse(f"admin:pages_page_{name}", args=[page.pk]) for name in ("change", "versions"))
others = {
    "list of pages, searched": reverse("admin:pages_page_changelist") + "?q=e",
    "list of pages, nothing found": reverse("admin:pages_page_changelist") + "?q=there-is-none",
    "branch": reverse("admin:pages_page_changelist") + f"?below={page.pk}",
    "form of an old version": f"{form}?version={first.pk}",
    "comparison": f"{versions_of}?old={old.pk}&new={new.pk}",
    "versions of what was deleted": reverse("admin:pages_page_versions", args=[gone.pk]),
    "new page": reverse("admin:pages_page_add"),
    "no such row": reverse("admin:pages_page_change", args=[4711]),
    "new password": reverse("password_reset_confirm", args=[reset, TokenGenerator().make_token(owner)]),
    "moving": reverse("admin:pages_page_move") + f"?pages={page.pk}",
    "copying": reverse("admin:pages_page_copy") + f"?pages={page.pk}",
}
print(
    json.dumps(
        {
            "session": session.cookies["sessionid"].value,
            "rows": {row._meta.model_name: row.pk for row in rows},
            "versions": versions,
            "others": others,
        }
    )
)
