"""The parent's admin lists everything, and serves every child's form at its own address too."""

from django.contrib import admin
from polymorphic.admin import PolymorphicChildModelAdmin, PolymorphicParentModelAdmin

from .models import Book, Magazine, Publication


@admin.register(Book, Magazine)
class ChildAdmin(PolymorphicChildModelAdmin):
    base_model = Publication


@admin.register(Publication)
class PublicationAdmin(PolymorphicParentModelAdmin):
    base_model = Publication
    child_models = [Book, Magazine]
    list_display = ["title"]
