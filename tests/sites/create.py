#!/usr/bin/env python
"""Makes the database, people and rows of the site that SITE_KIND names, in DEMO_DIR.

Everybody's password is the user name followed by "-demo". Keys are fixed: tests use them.
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import Permission, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from library.models import Article, Author, Comment, Tag  # noqa: E402

# user name, full name, superuser, may change
PEOPLE = [
    ("root", "Ada Lovelace", True, True),
    ("grace", "Grace Hopper", False, True),
    ("vera", "Vera Viewer", False, False),
]


def make_people():
    for username, full_name, superuser, may_change in PEOPLE:
        first, last = full_name.split()
        user = User(username=username, first_name=first, last_name=last, is_staff=True)
        user.is_superuser = superuser
        user.email = f"{username}@example.com"
        user.set_password(f"{username}-demo")
        user.save()
        granted = Permission.objects.filter(content_type__app_label__in=["library", "shelf", "pages"])
        user.user_permissions.set(granted if may_change else granted.filter(codename__startswith="view_"))


def make_rows():
    authors = [Author.objects.create(name=name) for name in ("Mary Shelley", "Jules Verne")]
    tags = [Tag.objects.create(name=name) for name in ("classic", "short", "travel")]
    for pk, title in [(1, "The tide"), (2, "A long way"), (3, "Letters home")]:
        article = Article.objects.create(
            pk=pk,
            title=title,
            slug=title.lower().replace(" ", "-"),
            # Not as an editor would write it.
            body=f"{title}, <b>as</b> it was.",
            author=authors[pk % 2],
        )
        article.tags.set(tags[:pk])
        Comment.objects.create(article=article, name=f"Reader {pk}", text="I liked it.")
    if "shelf" in settings.INSTALLED_APPS:
        from shelf.models import Book, Magazine

        Book.objects.create(pk=1, title="The tide", isbn="978-0")
        Magazine.objects.create(pk=2, title="Monthly", issue=7)
    if "pages" in settings.INSTALLED_APPS:
        from pages.models import Page

        page = Page(pk=1)
        for language, title in [("en", "The tide"), ("de", "Die Flut")]:
            page.set_current_language(language)
            page.title = title
        page.save()


def main():
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode=WAL")
    call_command("migrate", run_syncdb=True, verbosity=0)
    with transaction.atomic():
        make_people()
        make_rows()
    # Folds the write-ahead log back in: db.sqlite3 alone is now the whole site.
    connection.close()


main()
