"""Addresses of the demo site: home page, admin, files, and the test endpoints when asked for."""

from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.contrib.staticfiles.views import serve as static_file
from django.http import HttpResponse
from django.urls import path
from django.views.static import serve as media_file

from shop.views import home

from . import testing

admin_urls = [path("admin/", admin.site.urls)]

urlpatterns = [
    path("", home, name="home"),
    # Browsers ask for it unbidden; a 404 would stand in every console log that a test reads.
    path("favicon.ico", lambda request: HttpResponse(status=204)),
    # Served straight from the apps, so gunicorn alone is enough and nothing must be collected.
    path("static/<path:path>", static_file, {"insecure": True}),
    path("media/<path:path>", media_file, {"document_root": settings.MEDIA_ROOT}),
    *(i18n_patterns(*admin_urls) if settings.I18N_URLS else admin_urls),
    *(testing.urlpatterns if settings.TEST_HOOKS else []),
]
