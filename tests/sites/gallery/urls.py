"""Addresses: the admin, what the themes bring, and files straight from the apps."""

from django.conf import settings
from django.contrib import admin
from django.contrib.staticfiles.views import serve as static_file
from django.http import HttpResponse
from django.urls import include, path

MORE = {
    "grappelli": [("grappelli/", "grappelli.urls")],
    "baton": [("baton/", "baton.urls")],
    "nested": [("_nested_admin/", "nested_admin.urls")],
    "ckeditor5": [("ckeditor5/", "django_ckeditor_5.urls")],
    "tinymce": [("tinymce/", "tinymce.urls")],
}

urlpatterns = [
    # Browsers ask for it unbidden; a 404 would stand in every console log that a test reads.
    path("favicon.ico", lambda request: HttpResponse(status=204)),
    path("static/<path:path>", static_file, {"insecure": True}),
    *(path(prefix, include(urls)) for prefix, urls in MORE.get(settings.KIND, [])),
    path("admin/", admin.site.urls),
]
