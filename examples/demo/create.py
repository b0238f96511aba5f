#!/usr/bin/env python
"""Makes the demo site's database, people and wares in DEMO_DIR. Run it as often as you like:
what is there already stays as it is.

Everybody's password is the user name followed by "-demo".
"""

import os
from datetime import date

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import Group, Permission, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from shop.models import (  # noqa: E402
    Category,
    Credential,
    Document,
    Part,
    Product,
    Review,
    Shelf,
    Supplier,
    Tag,
)

# user name, full name, groups, staff, superuser
PEOPLE = [
    ("root", "Ada Lovelace", [], True, True),
    ("grace", "Grace Hopper", ["Editors"], True, False),
    ("linus", "Linus Torvalds", ["Editors"], True, False),
    ("vera", "Vera Viewer", ["Viewers"], True, False),
    ("nora", "Nora None", [], True, False),
    ("carl", "Carl Customer", [], False, False),
]

# key, name, category, supplier, price, stock, colour, tags. Keys are fixed: tests use them.
WARES = [
    (1, "Blue kettle", "Kitchen", "Tinsmith & Daughters", "24.90", 12, "blue", ["new", "metal"]),
    (2, "Green teapot", "Kitchen", "North Pottery", "31.00", 5, "green", ["gift"]),
    (3, "Red lantern", "Garden", "Tinsmith & Daughters", "18.50", 20, "red", ["metal"]),
    (4, "Watering can", "Garden", "Tinsmith & Daughters", "15.00", 8, "green", ["metal"]),
    (5, "Notebook", "Paper", "Mill on the Brook", "4.20", 140, "", ["gift"]),
    (6, "Fountain pen", "Paper", "Mill on the Brook", "39.00", 7, "blue", ["gift", "new"]),
    (7, "Bread board", "Kitchen", "Old Orchard Wood", "22.00", 9, "", ["wood"]),
    (8, "Bird house", "Garden", "Old Orchard Wood", "27.50", 3, "red", ["wood"]),
]

DOCUMENTS = [
    ("a1b2c3d4-e5f6-4a1b-8c2d-3e4f5a6b7c8d", "House rules"),
    ("12345678-90ab-4cde-8f01-234567890abc", "Opening hours"),
]

PARTS = [("bolt-10", "Bolt, 10 mm"), ("nut-10", "Nut, 10 mm"), ("a/b_c d+e%é", "Awkward part")]


def make_people():
    permissions = Permission.objects.filter(content_type__app_label="shop")
    groups = {name: Group.objects.get_or_create(name=name)[0] for name in ("Editors", "Viewers")}
    groups["Editors"].permissions.set(permissions)
    groups["Viewers"].permissions.set(permissions.filter(codename__startswith="view_"))
    for username, full_name, group_names, staff, superuser in PEOPLE:
        first, last = full_name.split()
        user, new = User.objects.get_or_create(
            username=username,
            defaults={
                "first_name": first,
                "last_name": last,
                "email": f"{username}@example.com",
                "is_staff": staff,
                "is_superuser": superuser,
            },
        )
        if new:
            user.set_password(f"{username}-demo")
            user.save()
            user.groups.set(groups[name] for name in group_names)


def make_wares():
    for pk, name, category, supplier, price, stock, colour, tags in WARES:
        product, new = Product.objects.get_or_create(
            pk=pk,
            defaults={
                "name": name,
                "slug": name.lower().replace(" ", "-"),
                "description": f"{name}, made by {supplier}.",
                "category": Category.objects.get_or_create(name=category)[0],
                "supplier": Supplier.objects.get_or_create(name=supplier)[0],
                "price": price,
                "stock": stock,
                "colour": colour,
                "published": pk != 8,
                "available_from": date(2026, 1, pk),
            },
        )
        if new:
            product.tags.set(Tag.objects.get_or_create(name=tag)[0] for tag in tags)
    for pk, author, stars, text in [
        (1, "Mary", 5, "Boils in no time."),
        (2, "Charles", 3, "It whistles."),
    ]:
        Review.objects.get_or_create(
            pk=pk, defaults={"product_id": 1, "author": author, "stars": stars, "text": text}
        )
    Shelf.objects.get_or_create(
        pk=1,
        defaults={
            "name": "By the window",
            "category_id": "Paper",
            "password_hint": "what the kettle says",
            "plan": "Kettles to the left.",
        },
    )
    for key, title in DOCUMENTS:
        Document.objects.get_or_create(pk=key, defaults={"title": title, "body": f"{title}."})
    for key, name in PARTS:
        Part.objects.get_or_create(pk=key, defaults={"name": name})
    Credential.objects.get_or_create(
        pk=1,
        defaults={"name": "Card payments", "login": "shop", "api_secret": "s3cr3t-of-the-till"},
    )


def main():
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode=WAL")
    call_command("migrate", verbosity=0)
    with transaction.atomic():
        make_people()
        make_wares()
    # Folds the write-ahead log back in: db.sqlite3 alone is now the whole site and can be copied.
    connection.close()


main()
