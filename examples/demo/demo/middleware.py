"""A Content-Security-Policy of the kind strict sites send, to show that the proxy lives with it.

`strict` allows only files of the site itself. `nonce` allows only scripts that carry this
response's nonce, which is put on every script tag of the page.
"""

import re
import secrets

from django.conf import settings

BASE = (
    "default-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; "
)


def content_security_policy(get_response):
    def middleware(request):
        response = get_response(request)
        script_src = "'self'"
        if settings.CSP == "nonce":
            nonce = secrets.token_urlsafe(16)
            script_src = f"'nonce-{nonce}' 'strict-dynamic'"
            is_html = response.get("Content-Type", "").startswith("text/html")
            if is_html and not response.streaming:
                response.content = re.sub(
                    rb"<script(?=[\s>])", f'<script nonce="{nonce}"'.encode(), response.content
                )
        response["Content-Security-Policy"] = f"{BASE}script-src {script_src}"
        return response

    return middleware
