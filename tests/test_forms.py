from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.contrib import admin
from django.db import models
from django.utils import timezone

from myweb.forms import DateTimeField
from myweb.times import EARLIEST, LATEST


@pytest.fixture(autouse=True)
def berlin():
    with timezone.override("Europe/Berlin"):
        yield


class Form(forms.Form):
    time = DateTimeField(required=False)

    @classmethod
    def of(cls, day: str, hour: str = "", stored: datetime | None = None) -> "Form":
        return cls({"time_0": day, "time_1": hour}, initial={"time": stored})


def cleaned(day: str, hour: str = "", stored: datetime | None = None) -> datetime | None:
    form = Form.of(day, hour, stored)
    assert form.is_valid(), form.errors
    return form.cleaned_data["time"]


def refused(day: str, hour: str = "") -> str:
    [sentence] = Form.of(day, hour).errors["time"]
    return sentence


def test_it_works():
    assert cleaned("2026-07-01", "12:30:15") == datetime(2026, 7, 1, 10, 30, 15, tzinfo=UTC)
    assert cleaned("") is None


def test_date_without_a_time_means_midnight():
    assert cleaned("2026-07-01") == datetime(2026, 6, 30, 22, tzinfo=UTC)


def test_time_without_a_date_is_refused():
    assert refused("", "12:00") == "Enter a valid date."


@pytest.mark.parametrize("day", ["0001-01-01", "1899-12-31", "9001-01-01", "9999-12-31"])
def test_dates_that_no_time_zone_may_be_able_to_show_are_refused(day):
    assert refused(day, "23:59:59") == "Please choose a date from 1900 to 9000."


@pytest.mark.parametrize("day", ["1900-01-01", "9000-12-31"])
def test_first_and_last(day):
    assert cleaned(day).astimezone(ZoneInfo("Europe/Berlin")).date().isoformat() == day


def test_time_that_spring_leaves_out_is_refused():
    assert refused("2026-03-29", "02:30") == (
        "There is no such time: the clocks are put forward then. Please choose another one."
    )


def test_hour_that_autumn_has_twice():
    first, second = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    assert cleaned("2026-10-25", "02:30") == first
    for stored in (first, second):
        assert cleaned("2026-10-25", "02:30:00", stored) == stored
        assert cleaned("2026-10-25", "02:31", stored) == first + timedelta(minutes=1)


def test_stored_time_that_cannot_be_is_shown_and_refused():
    for stored in (EARLIEST.replace(tzinfo=UTC), LATEST.replace(tzinfo=UTC)):
        bound = Form(initial={"time": stored})["time"]
        assert str(stored.year).zfill(4) in str(bound)
        day, hour = bound.field.widget.decompress(stored)
        assert refused(f"{day:%Y-%m-%d}".zfill(10), f"{hour:%H:%M:%S}") == "Please choose a date from 1900 to 9000."


def test_every_form_of_the_admin_has_it(rf, admin_user):
    request = rf.get("/")
    request.user = admin_user
    fields = [
        (model_admin, field)
        for model, model_admin in admin.site._registry.items()
        for field in model._meta.get_fields()
        if isinstance(field, models.DateTimeField) and field.editable
    ]
    assert {field.name for _, field in fields} >= {"publish_from", "publish_until", "date_joined"}
    for model_admin, field in fields:
        assert isinstance(model_admin.formfield_for_dbfield(field, request), DateTimeField), field
