from django.urls import path, re_path

from . import sitemap, views

urlpatterns = [
    path("robots.txt", views.robots, name="robots"),
    path("sitemap.xml", sitemap.sitemap, name="sitemap"),
    path("sitemap-<int:number>.xml", sitemap.sitemap_part, name="sitemap_part"),
    path("", views.home, name="home"),
    # Without the final slash there is no page, so that CommonMiddleware sends visitors to the address with it.
    re_path(r"^(?P<path>.+/)$", views.page, name="page"),
]
