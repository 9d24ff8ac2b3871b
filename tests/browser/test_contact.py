"""A visitor without JavaScript writes to the owner, who reads it in the inbox."""

import re
import time

import pytest
from playwright.sync_api import expect

from myweb.contact.spam import SECONDS_OF_A_PERSON
from tests.browser.console import complaints_of
from tests.site import wait_for

pytestmark = pytest.mark.browser

MAKE_EDITOR = """
from django.contrib.auth.models import Permission, User
user = User.objects.create_user("editor", password="a-lake-in-the-evening", is_staff=True)
user.user_permissions.set(Permission.objects.filter(content_type__app_label="contact"))
"""


def test_it_works(site, browser):
    context = browser.new_context(java_script_enabled=False, locale="de")
    page = context.new_page()
    page.goto(f"{site.url}/")
    page.get_by_role("link", name="简体中文").click()
    page.get_by_role("link", name="联系我们", exact=True).click()
    opened = time.monotonic()
    page.get_by_label("您的姓名").fill("王小明")
    page.get_by_label("您的电子邮箱").fill("nobody")
    page.get_by_label("主题").fill("船 🚣")
    page.get_by_label("您的留言").fill("你好！\n两个人，一条船。")
    page.get_by_role("button", name="发送").click()

    expect(page.locator(".errorlist")).to_have_count(1)
    expect(page.get_by_label("您的留言")).to_have_value("你好！\n两个人，一条船。")
    page.get_by_label("您的电子邮箱").fill("xiaoming@example.org")
    wait_for(lambda: time.monotonic() - opened > SECONDS_OF_A_PERSON, "a person would take so long")
    page.get_by_role("button", name="发送").click()

    expect(page).to_have_url(re.compile("/contact/thanks/"))
    expect(page.get_by_role("heading", level=1)).to_have_text("谢谢")
    expect(page.locator("main")).to_contain_text("两个人，一条船。")
    reference = page.locator("main strong").inner_text()
    page.reload()
    expect(page.locator("main strong")).to_have_text(reference)
    context.close()

    assert site.manage("shell", "-v0", "-c", MAKE_EDITOR).returncode == 0
    page = browser.new_page()
    complaints = complaints_of(page)
    page.goto(f"{site.url}/admin/")
    page.get_by_label("Username").fill("editor")
    page.get_by_label("Password").fill("a-lake-in-the-evening")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("status")).to_contain_text("set EMAIL_HOST on the server")
    page.get_by_role("link", name="Messages", exact=True).last.click()
    row = page.get_by_role("row", name="王小明")
    expect(row).to_contain_text("New")
    row.get_by_role("link", name="船 🚣").click()
    expect(page.locator(".message-text")).to_have_text("你好！\n两个人，一条船。")
    assert (
        page.get_by_role("link", name="Reply")
        .get_attribute("href")
        .startswith("mailto:xiaoming@example.org?subject=Re")
    )
    page.get_by_role("button", name="Mark as answered").click()
    expect(page.get_by_role("row", name="王小明")).to_contain_text("Answered")
    assert complaints == []
    page.close()


ADDRESS = {"NAME_FULL": "Ann Lee", "NAME_FIRST": "Ann", "NAME_LAST": "Lee", "EMAIL_ADDRESS": "ann@example.org"}
ADDRESS |= {"COMPANY_NAME": "Acme", "PHONE_HOME_WHOLE_NUMBER": "+16505550000", "ADDRESS_HOME_COUNTRY": "US"}
ADDRESS |= {"ADDRESS_HOME_LINE1": "1 Road", "ADDRESS_HOME_CITY": "Mountain View", "ADDRESS_HOME_STATE": "CA"}


def test_browser_fills_in_what_is_asked_for_and_not_the_trap(site, page):
    page.goto(f"{site.url}/contact/")
    session = page.context.new_cdp_session(page)
    session.send("Autofill.enable")
    session.send("DOM.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    name = session.send("DOM.querySelector", {"nodeId": root, "selector": "#id_name"})
    described = session.send("DOM.describeNode", name)["node"]["backendNodeId"]
    address = {"fields": [{"name": kind, "value": value} for kind, value in ADDRESS.items()]}
    page.get_by_label("Your name").focus()

    def filled_in() -> bool:
        session.send("Autofill.trigger", {"fieldId": described, "address": address})
        return page.get_by_label("Your name").input_value() == "Ann Lee"

    wait_for(filled_in, "Chromium has filled in the form")
    expect(page.get_by_label("Your e-mail address")).to_have_value("ann@example.org")
    expect(page.locator("[name=leave_empty]")).to_be_hidden()
    expect(page.locator("[name=leave_empty]")).to_have_value("")
