"""The owner at work in the admin, who has cookies, follows redirects and sends forms; no JavaScript runs."""

import io
import os
import re
import secrets
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

from PIL import Image

from tests.deploy.composed import Composed
from tests.server import Server
from tests.site import Response, wait_for

PASSWORD = "a-lake-in-the-morning"


class Form(HTMLParser):
    """What a browser would send of the form that has a field of that name."""

    def __init__(self, html: str, field: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._forms: list[dict[str, str]] = []
        self._text_of = self._select = ""
        self.feed(html)
        self.fields = next(fields for fields in self._forms if field in fields)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        name = given.get("name", "")
        if tag == "form":
            self._forms.append({})
        elif not self._forms:
            return
        elif tag == "input" and name and given.get("type") not in ("submit", "file"):
            is_choice = given.get("type") in ("checkbox", "radio")
            if not is_choice or "checked" in given:
                self._forms[-1][name] = given.get("value", "on" if is_choice else "")
        elif tag == "textarea":
            self._text_of = name
            self._forms[-1][name] = ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and ("selected" in given or self._select not in self._forms[-1]):
            self._forms[-1][self._select] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._text_of = ""

    def handle_data(self, data: str) -> None:
        if self._text_of:
            self._forms[-1][self._text_of] += data.removeprefix("\n") if not self._forms[-1][self._text_of] else data


class Owner:
    """Somebody with cookies, who follows redirects and sends forms."""

    def __init__(self, site: Composed | Server) -> None:
        self.site = site
        self.cookies = SimpleCookie()

    def open(self, path: str, body: bytes | None = None, content_type: str = "") -> Response:
        headers = {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in self.cookies.items())}
        if body is not None:
            headers |= {"Content-Type": content_type, "Origin": self.site.url}
        answer = self.site.request("POST" if body is not None else "GET", path, headers, body)
        for line in answer.headers.get_all("Set-Cookie", []):
            self.cookies.load(line)
        if answer.status in (301, 302):
            return self.open(urlsplit(answer.headers["Location"]).path)
        return answer

    def send(
        self, path: str, field: str, files: dict[str, tuple[str, bytes]] | None = None, **changes: str
    ) -> Response:
        """Open `path`, change fields of the form that has `field`, and send it with files: (name, content) by field."""
        page = self.open(path)
        fields = Form(page.text, field).fields | {"_publish": "Publish"} | changes
        boundary = secrets.token_hex(16)
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        for name, content in (files or {}).items():
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="photo.jpg"\r\n'
            parts.append(f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + content + b"\r\n")
        body = b"".join(parts) + f"--{boundary}--\r\n".encode()
        return self.open(path, body, f"multipart/form-data; boundary={boundary}")

    def set_up(self, path: str) -> Response:
        """Become the administrator, by the link that the start prints."""
        given = {"username": "owner", "email": "o@example.org", "password1": PASSWORD, "password2": PASSWORD}
        return self.send(path, "username", **given)

    def log_in(self) -> Response:
        return self.send("/admin/login/", "username", username="owner", password=PASSWORD)

    def add_photo(self, page: int, title: str) -> Response:
        """Give a page another title and a photo of several megabytes; return the answer to the form."""
        photo = io.BytesIO()
        Image.frombytes("RGB", (1600, 1600), os.urandom(1600 * 1600 * 3)).save(photo, "JPEG", quality=95)
        assert photo.tell() > 2_621_440  # Django keeps smaller ones in memory
        files = {"pages_picture_set-0-image": photo.getvalue()}
        return self.send(f"/admin/pages/page/{page}/change/", "title", files, title=title)


def assert_photo_is_shown(site: Composed | Server, title: str) -> None:
    """Wait until visitors see on the home page what add_photo() was given."""
    wait_for(lambda: title in site.get("/").text, "visitors see the new title")
    # Its renditions are made on the way.
    rendition = wait_for(
        lambda: re.search(r'srcset="(\S*/photo-\S+\.avif) ', site.get("/").text), "the picture is ready"
    )
    assert site.get(rendition[1]).headers["Content-Type"] == "image/avif"
