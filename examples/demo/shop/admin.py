"""The stock Django admin of the shop, and one model with a history that can be brought back:
nothing here knows of collab-proxy.
"""

from django import forms
from django.contrib import admin
from django.http import HttpResponse
from reversion.admin import VersionAdmin

from demo.testing import hold_save

from .models import Category, Credential, Document, Image, Part, Product, Review, Shelf, Supplier, Tag

admin.site.site_header = "Corner shop"
admin.site.site_title = "Corner shop"
admin.site.index_title = "Behind the counter"


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin):
    list_display = ["name", "note"]
    search_fields = ["name"]


@admin.register(Supplier)
class SupplierAdmin(VersionAdmin):
    list_display = ["name", "email"]
    search_fields = ["name", "email"]


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin):
    search_fields = ["name"]


class ImageInline(admin.TabularInline):
    model = Image
    extra = 1


class ReviewInline(admin.TabularInline):
    model = Review
    extra = 1


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ["name", "category", "price", "stock", "published", "available_from"]
    list_editable = ["price", "stock"]
    list_filter = ["published", "category", "colour"]
    search_fields = ["name", "description"]
    date_hierarchy = "available_from"
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["supplier"]
    filter_horizontal = ["tags"]
    inlines = [ImageInline, ReviewInline]
    save_as = True
    save_on_top = True
    actions = ["publish", "export_names"]
    actions_on_bottom = True
    fieldsets = [
        (None, {"fields": ["name", "slug", "description", "category", "supplier", "tags"]}),
        ("Selling", {"fields": [("price", "stock"), "colour", "published", "available_from"]}),
        ("Paperwork", {"classes": ["collapse"], "fields": ["checked_at", "manual"]}),
    ]

    @admin.action(description="Publish selected products", permissions=["change"])
    def publish(self, request, queryset):
        self.message_user(request, f"{queryset.update(published=True)} published.")

    @admin.action(description="Export names of selected products", permissions=["view"])
    def export_names(self, request, queryset):
        names = "".join(f"{name}\r\n" for name in queryset.values_list("name", flat=True))
        return HttpResponse(names, content_type="text/csv; charset=utf-8")

    # Held back out here, before Django opens its transaction: a test's slow save must not keep
    # the database locked for everybody else.
    def changeform_view(self, request, *args, **kwargs):
        if request.method == "POST":
            hold_save()
        return super().changeform_view(request, *args, **kwargs)

    def changelist_view(self, request, *args, **kwargs):
        if request.method == "POST":
            hold_save()
        return super().changelist_view(request, *args, **kwargs)

    def delete_view(self, request, *args, **kwargs):
        if request.method == "POST":
            hold_save()
        return super().delete_view(request, *args, **kwargs)


@admin.register(Shelf)
class ShelfAdmin(admin.ModelAdmin):
    list_display = ["name", "category"]
    # The long text comes after the file, so that a large upload stands before it in the form's body.
    fields = ["name", "category", "password_hint", "photo", "plan"]


@admin.register(Document)
class DocumentAdmin(admin.ModelAdmin):
    list_display = ["title", "id"]


@admin.register(Part)
class PartAdmin(admin.ModelAdmin):
    list_display = ["key", "name"]
    list_editable = ["name"]


class CredentialForm(forms.ModelForm):
    class Meta:
        model = Credential
        fields = ["name", "login", "api_secret"]
        widgets = {"api_secret": forms.PasswordInput}
        help_texts = {"api_secret": "Never shown. Leave empty to keep the present one."}

    def clean_api_secret(self):
        return self.cleaned_data["api_secret"] or self.instance.api_secret


@admin.register(Credential)
class CredentialAdmin(admin.ModelAdmin):
    form = CredentialForm
    list_display = ["name", "login"]

    # To someone who may only look, Django would print the secret as plain text.
    def get_fields(self, request, obj=None):
        may_change = self.has_change_permission(request, obj)
        return ["name", "login", "api_secret"] if may_change or not obj else ["name", "login"]
