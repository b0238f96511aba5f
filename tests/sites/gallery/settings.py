"""Settings of the sites that the tests put behind the proxy: one admin with one theme or package at a time.

SITE_KIND chooses it. None of them knows anything of collab-proxy. Runs on Django 3.2 to 6.1.
"""

import os
from pathlib import Path

KIND = os.environ.get("SITE_KIND") or "stock"
DATA_DIR = Path(os.environ["DEMO_DIR"]).resolve()

# Apps before the admin's own, whose templates they replace; and apps after it.
BEFORE = {
    "stock": [],
    "unfold": ["unfold"],
    "jazzmin": ["jazzmin"],
    "grappelli": ["grappelli"],
    "simpleui": ["simpleui"],
    "admin-interface": ["admin_interface", "colorfield"],
    "baton": ["baton"],
}
AFTER = {
    "baton": ["baton.autodiscover"],
    "import-export": ["import_export"],
    "reversion": ["reversion"],
    "guardian": ["guardian"],
    "nested": ["nested_admin"],
    "polymorphic": ["polymorphic", "shelf"],
    "ckeditor5": ["django_ckeditor_5"],
    "ckeditor4": ["ckeditor"],
    "tinymce": ["tinymce"],
    "parler": ["parler", "pages"],
}
if KIND not in {**BEFORE, **AFTER}:
    raise ValueError(f"SITE_KIND is {KIND!r}; it can be one of {sorted({**BEFORE, **AFTER})}")

SECRET_KEY = "a site on your own machine has no secrets"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "gallery.urls"
WSGI_APPLICATION = "gallery.wsgi.application"

INSTALLED_APPS = [
    *BEFORE.get(KIND, []),
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "library",
    *AFTER.get(KIND, []),
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "db.sqlite3",
        "OPTIONS": {"timeout": 30},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Not for a real site: it makes logins quick.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    *(["guardian.backends.ObjectPermissionBackend"] if KIND == "guardian" else []),
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
MEDIA_URL = "/media/"
MEDIA_ROOT = DATA_DIR / "media"

# What the themes ask for.
if KIND == "admin-interface":
    X_FRAME_OPTIONS = "SAMEORIGIN"
    SILENCED_SYSTEM_CHECKS = ["security.W019"]
# simpleui tells its makers of every visit unless it is told not to.
SIMPLEUI_ANALYSIS = False
SIMPLEUI_STATIC_OFFLINE = True
SIMPLEUI_HOME_INFO = False
PARLER_LANGUAGES = {None: ({"code": "en"}, {"code": "de"}), "default": {"fallbacks": ["en"]}}
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
CKEDITOR_5_CONFIGS = {
    "default": {"language": "en", "toolbar": ["heading", "|", "bold", "italic", "link", "bulletedList"]}
}
CKEDITOR_CONFIGS = {"default": {"toolbar": "Basic", "versionCheck": False, "removePlugins": "exportpdf"}}
TINYMCE_DEFAULT_CONFIG = {"height": 240, "menubar": False, "promotion": False, "plugins": "lists"}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {"django": {"handlers": ["stderr"], "level": "ERROR", "propagate": False}},
}
