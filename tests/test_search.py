import pytest
from django.db.models import F

from myweb.contact.models import ContactMessage
from myweb.pages.models import Page
from tests.contact.factories import make_message
from tests.factories import make_page, make_text

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ("Über uns", "über"),
        ("Über uns", "ÜBER"),
        ("ÉTÉ", "été"),
        ("Москва", "МОСКВА"),
        ("关于我们", "关于"),
        ("100 % _sure\\\\", "% _SURE\\\\"),
    ],
)
def test_finds_letters_in_either_case(admin_client, stored, words):
    """In every list of the admin that can be searched."""
    make_message(subject=stored)
    make_message(subject="Other", text=f"…{stored}…")
    make_message(subject="1000 sure")
    messages = admin_client.get("/admin/contact/contactmessage/", {"q": words}).context["cl"].result_list
    assert {message.subject for message in messages} == {stored, "Other"}

    make_page(stored, slug="a")
    make_text(make_page("Other"), f"<p>{stored}</p>")
    make_page("1000 sure")
    pages = admin_client.get("/admin/pages/page/", {"q": words}).context["cl"].result_list
    assert {page.title for page in pages} == {stored, "Other"}


@pytest.mark.parametrize("model", ["contact/contactmessage", "pages/page", "auth/user", "auth/group"])
def test_for_many_words(admin_client, model):
    assert admin_client.get(f"/admin/{model}/", {"q": "a " * 150}).context["cl"].query
    response = admin_client.get(f"/admin/{model}/", {"q": "a " * 2000})
    assert response.status_code == 200
    assert "at most 300 characters" in response.content.decode()


def test_compares_columns_as_before():
    make_message(name="Ann", subject="For ANN")
    assert ContactMessage.objects.filter(subject__icontains=F("name")).count() == 1
    assert not Page.objects.filter(description__icontains=F("title")).exists()
