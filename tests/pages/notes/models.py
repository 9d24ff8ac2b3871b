"""A kind of block of another app, with columns that are written differently in each database."""

from django.db import models

from myweb.pages.blocks import Block


class Note(Block):
    """Something with a time, a number and a list."""

    icon = "star"
    search_fields = ["words"]

    words = models.CharField(max_length=100)
    at = models.DateTimeField()
    on = models.DateField()
    price = models.DecimalField(max_digits=9, decimal_places=2)
    is_new = models.BooleanField()
    tags = models.JSONField()
    seen_by = models.ForeignKey("pages.Page", models.CASCADE, null=True, related_name="+")

    def __str__(self) -> str:
        return self.words
