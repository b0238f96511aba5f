"""Endpoints and a hook for tests; none of it exists unless DEMO_TEST=1."""

import hashlib
import time
from pathlib import Path

from django.conf import settings
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

MAX_WAIT = 20.0


def number(text, default, largest):
    """Bounded, so that no query can keep a worker busy for long."""
    try:
        return min(max(float(text), 0.0), largest)
    except (TypeError, ValueError):
        return default


@csrf_exempt
def echo(request):
    """What arrived here, as JSON. `raw_uri` is the request target byte for byte."""
    digest, length = hashlib.sha256(), 0
    while chunk := request.read(65536):
        digest.update(chunk)
        length += len(chunk)
    return JsonResponse(
        {
            "method": request.method,
            "full_path": request.get_full_path(),
            "raw_uri": request.META.get("RAW_URI"),
            "scheme": request.scheme,
            "remote_addr": request.META.get("REMOTE_ADDR"),
            "headers": dict(request.headers),
            "body_length": length,
            "body_sha256": digest.hexdigest(),
        }
    )


def stream(request):
    """`?count=` lines, `?delay=` seconds before each but the first."""
    count = int(number(request.GET.get("count"), 10, 1000))
    delay = number(request.GET.get("delay"), 0.1, min(5.0, MAX_WAIT * 3 / max(count, 1)))

    def lines():
        for n in range(count):
            if n:
                time.sleep(delay)
            yield f"line {n}\n"

    return StreamingHttpResponse(lines(), content_type="text/plain; charset=utf-8")


def slow(request):
    """Answers after `?s=` seconds."""
    time.sleep(number(request.GET.get("s"), 1.0, MAX_WAIT))
    return HttpResponse("done\n", content_type="text/plain; charset=utf-8")


def hold_save():
    """Wait as many seconds as DEMO_SAVE_DELAY_FILE says, or until that file is removed.

    `<file>.waiting` exists meanwhile: a test sees that the save has arrived, and lets it go on by
    removing the file, without guessing at times.
    """
    if not settings.SAVE_DELAY_FILE:
        return
    file = Path(settings.SAVE_DELAY_FILE)
    try:
        seconds = number(file.read_text(), 0.0, MAX_WAIT)
    except FileNotFoundError:
        return
    waiting = Path(f"{file}.waiting")
    waiting.touch()
    deadline = time.monotonic() + seconds
    while file.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    waiting.unlink(missing_ok=True)


urlpatterns = [path("echo/", echo), path("stream/", stream), path("slow/", slow)]
