from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import include, path

handler400 = "myweb.pages.errors.bad_request"
handler403 = "myweb.pages.errors.permission_denied"
handler404 = "myweb.pages.errors.page_not_found"
# 500 is Django's own: templates/500.html, which stands alone

urlpatterns = [
    path("", include("myweb.operations.urls")),
    path("admin/", include("myweb.accounts.urls")),
    path("admin/", include("myweb.desk.urls")),
    path("admin/", admin.site.urls),
    # for `manage.py runserver`; Nginx serves the uploads otherwise
    *(static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT) if settings.DEBUG else []),
    path("", include("myweb.contact.urls")),
    path("", include("myweb.pages.urls")),
]
