"""The library's admin, made of the classes that the site's theme or package asks for."""

from django.conf import settings
from django.contrib import admin
from django.db import models

from .models import Article, Author, Comment, Link, Tag

KIND = settings.KIND
Base, Tabular, Stacked = admin.ModelAdmin, admin.TabularInline, admin.StackedInline
widget = None

if KIND == "unfold":
    from unfold.admin import ModelAdmin as Base
    from unfold.admin import StackedInline as Stacked
    from unfold.admin import TabularInline as Tabular
elif KIND == "nested":
    from nested_admin import NestedModelAdmin as Base
    from nested_admin import NestedStackedInline as Stacked
    from nested_admin import NestedTabularInline as Tabular
elif KIND == "import-export":
    from import_export.admin import ImportExportModelAdmin as Base
elif KIND == "reversion":
    from reversion.admin import VersionAdmin as Base
elif KIND == "guardian":
    from guardian.admin import GuardedModelAdmin as Base
elif KIND == "ckeditor5":
    from django_ckeditor_5.widgets import CKEditor5Widget

    class BlankStaysBlank(CKEditor5Widget):
        """CKEditor 5 sends a paragraph for no text, and a blank row of an inline would not be blank to Django."""

        def value_from_datadict(self, data, files, name):
            text = super().value_from_datadict(data, files, name)
            return "" if text == "<p>&nbsp;</p>" else text

    widget = BlankStaysBlank(config_name="default")
elif KIND == "ckeditor4":
    from ckeditor.widgets import CKEditorWidget

    widget = CKEditorWidget()
elif KIND == "tinymce":
    from tinymce.widgets import TinyMCE

    widget = TinyMCE()


class RichText:
    """Long texts in the editor, where the site has one."""

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        if widget is not None and isinstance(db_field, models.TextField):
            kwargs["widget"] = widget
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class LinkInline(Tabular):
    model = Link
    extra = 1


class CommentInline(RichText, Stacked if KIND == "nested" else Tabular):
    model = Comment
    extra = 1
    inlines = [LinkInline] if KIND == "nested" else []


@admin.register(Author)
class AuthorAdmin(Base):
    search_fields = ["name"]


@admin.register(Tag)
class TagAdmin(Base):
    search_fields = ["name"]


@admin.register(Article)
class ArticleAdmin(RichText, Base):
    list_display = ["title", "author", "status", "featured"]
    list_editable = ["status"]
    list_filter = ["status"]
    search_fields = ["title"]
    prepopulated_fields = {"slug": ["title"]}
    autocomplete_fields = ["author"]
    filter_horizontal = ["tags"]
    inlines = [CommentInline]
    fieldsets = [
        (None, {"fields": ["title", "slug", "body", "author", "tags"]}),
        ("Publishing", {"fields": ["status", "featured", ("day", "checked_at")]}),
    ]
