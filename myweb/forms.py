"""The one field with which the admin asks for a date with a time."""

from datetime import UTC, date, datetime, time
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime, BaseAdminDateWidget, BaseAdminTimeWidget
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

# Beyond these, some time zone or database fails to say what time it is.
FIRST_YEAR, LAST_YEAR = 1900, 9000


class DateTimeWidget(AdminSplitDateTime):
    """Shows seconds in every language: the formats of Chinese have none, so that a save would cut them off."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        # Django's template has the words beside them, which belong to no field.
        widgets = [
            BaseAdminDateWidget({"aria-label": _("Date")}, format="%Y-%m-%d"),
            BaseAdminTimeWidget({"aria-label": _("Time")}, format="%H:%M:%S"),
        ]
        forms.MultiWidget.__init__(self, widgets, attrs)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        shown = super().render(name, value, attrs, renderer)
        # Where there is JavaScript, there is a calendar.
        example = _("For example 2026-12-31 and 18:30.")
        return format_html('{}<noscript><p class="help">{}</p></noscript>', shown, example)

    def decompress(self, value: Any) -> tuple[date | None, time | None]:
        # The address of a form may bring any text.
        return super().decompress(value if isinstance(value, datetime) else None)


class DateTimeField(forms.SplitDateTimeField):
    """
    A date in the time zone of the site; without a time, its midnight.

    A stored time that is sent back as it was shown stays the same, in the hour too that autumn has twice.
    """

    widget = DateTimeWidget
    default_error_messages = {
        **forms.SplitDateTimeField.default_error_messages,
        "out_of_range": _("Please choose a date from %(first)d to %(last)d."),
        "no_such_time": _("There is no such time: the clocks are put forward then. Please choose another one."),
    }

    def __init__(self, *, help_text: Any = "", **kwargs: Any) -> None:
        meaning = format_lazy(
            _("Time zone: {zone}. A date without a time means midnight."), zone=timezone.get_current_timezone_name()
        )
        help_text = format_lazy("{} {}", help_text, meaning) if help_text else meaning
        super().__init__(require_all_fields=False, help_text=help_text, **kwargs)
        for field in self.fields:
            field.required = False
        self.stored: datetime | None = None

    def get_bound_field(self, form: Any, field_name: str) -> forms.BoundField:
        # Not the BoundField's own, which cuts off the microseconds.
        self.stored = form.initial.get(field_name)
        return super().get_bound_field(form, field_name)

    def compress(self, data_list: Any) -> datetime | None:
        if not data_list:
            return None
        day, moment = data_list
        if day in self.empty_values:
            raise ValidationError(self.error_messages["invalid_date"], code="invalid_date")
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            years = {"first": FIRST_YEAR, "last": LAST_YEAR}
            raise ValidationError(self.error_messages["out_of_range"], code="out_of_range", params=years)
        return self._in_zone(datetime.combine(day, moment or time()))

    def _in_zone(self, naive: datetime) -> datetime:
        if isinstance(self.stored, datetime) and timezone.make_naive(self.stored).replace(microsecond=0) == naive:
            return self.stored
        zone = timezone.get_current_timezone()
        # In UTC, because Python calls times in the hour that autumn has twice equal to none.
        moment = naive.replace(tzinfo=zone).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) != naive:
            raise ValidationError(self.error_messages["no_such_time"], code="no_such_time")
        return moment
