"""Which template shows which block. A new kind of block is one model, one template, and one line here."""

from feincms3.renderer import RegionRenderer, template_renderer

from . import models

renderer = RegionRenderer()
renderer.register(models.Text, template_renderer("pages/text.html"))
renderer.register(models.Picture, template_renderer("pages/picture.html"))
