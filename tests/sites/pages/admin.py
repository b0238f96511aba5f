"""A tab a language; each is saved by itself."""

from django.contrib import admin
from parler.admin import TranslatableAdmin

from .models import Page


@admin.register(Page)
class PageAdmin(TranslatableAdmin):
    list_display = ["title"]
