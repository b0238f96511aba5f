"""Settings of the demo shop: an ordinary Django site with the stock admin.

It knows nothing of collab-proxy. Everything a person or a test may want to vary comes from the
environment; every variable is read in this file, except those of gunicorn.conf.py.
"""

import os
from pathlib import Path

import django

BASE_DIR = Path(__file__).resolve().parent.parent


def flag(name):
    return os.environ.get(name, "") not in ("", "0")


# Where db.sqlite3 and uploaded files live.
DATA_DIR = Path(os.environ.get("DEMO_DIR") or BASE_DIR / ".data").resolve()
# /echo/, /stream/ and /slow/, and the hook that holds a save back: for tests only.
TEST_HOOKS = flag("DEMO_TEST")
SAVE_DELAY_FILE = os.environ.get("DEMO_SAVE_DELAY_FILE", "") if TEST_HOOKS else ""
# "", "strict" or "nonce"; see middleware.py.
CSP = os.environ.get("DEMO_CSP", "")
if CSP not in ("", "strict", "nonce"):
    raise ValueError(f"DEMO_CSP is {CSP!r}; it can be 'strict' or 'nonce'")
I18N_URLS = flag("DEMO_I18N")
# "", "redirect" (everybody is sent to https) or "trusted" (the same, but X-Forwarded-Proto is believed).
HTTPS = os.environ.get("DEMO_HTTPS", "")
if HTTPS not in ("", "redirect", "trusted"):
    raise ValueError(f"DEMO_HTTPS is {HTTPS!r}; it can be 'redirect' or 'trusted'")

SECRET_KEY = "a demo on your own machine has no secrets"
DEBUG = flag("DEMO_DEBUG")
ALLOWED_HOSTS = [os.environ.get("DEMO_HOST") or "*"]
SECURE_SSL_REDIRECT = HTTPS != ""
if HTTPS == "trusted":
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = flag("DEMO_SECURE_COOKIES")
ROOT_URLCONF = "demo.urls"
WSGI_APPLICATION = "demo.wsgi.application"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "reversion",
    "shop",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    *(["django.middleware.gzip.GZipMiddleware"] if flag("DEMO_GZIP") else []),
    "django.contrib.sessions.middleware.SessionMiddleware",
    *(["django.middleware.locale.LocaleMiddleware"] if I18N_URLS else []),
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Last, so that Content-Length and gzip are worked out after the nonces are in.
    *(["demo.middleware.content_security_policy"] if CSP else []),
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
        "CONN_MAX_AGE": None,
        # Several threads write. create.py turns on WAL, which the file remembers. IMMEDIATE makes
        # a writer wait its turn; otherwise one that has read first fails with "database is locked".
        "OPTIONS": {
            "timeout": 30,
            **({"transaction_mode": "IMMEDIATE"} if django.VERSION >= (5, 1) else {}),
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Not for a real site: it makes logins quick, and the passwords are printed anyway.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

SESSION_ENGINE = "django.contrib.sessions.backends." + (
    os.environ.get("DEMO_SESSION_ENGINE") or "db"
)
SESSION_COOKIE_NAME = os.environ.get("DEMO_SESSION_COOKIE_NAME") or "sessionid"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
TIME_ZONE = "UTC"
USE_TZ = True

# Relative, so that Django puts DEMO_SCRIPT_NAME in front.
STATIC_URL = "static/"
MEDIA_URL = "media/"
MEDIA_ROOT = DATA_DIR / "media"

# Errors to stderr with their traceback. Django would mail them; warnings (403, 404) are noise.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {"django": {"handlers": ["stderr"], "level": "ERROR", "propagate": False}},
}
