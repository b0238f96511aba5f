"""How gunicorn serves the demo site: `gunicorn -c examples/demo/gunicorn.conf.py`.

Prints one line when it can be reached: `READY 127.0.0.1:8000` or `READY unix:/path`.

DEMO_BIND         address; `127.0.0.1:0` picks a free port, `unix:/path` a socket
DEMO_WORKERS      processes, default 1
DEMO_THREADS      threads in each, default 8
DEMO_SCRIPT_NAME  serve the whole site below this path, for instance /shop-site
"""

import os
from pathlib import Path

here = Path(__file__).resolve().parent
pythonpath = str(here)
wsgi_app = "demo.wsgi"
# Import the site before READY, so that a broken one never says it is ready.
preload_app = True

bind = os.environ.get("DEMO_BIND") or "127.0.0.1:8000"
worker_class = "gthread"
workers = int(os.environ.get("DEMO_WORKERS") or 1)
threads = int(os.environ.get("DEMO_THREADS") or 8)
graceful_timeout = 3
loglevel = "warning"
# By default every gunicorn of a user shares one control socket; several test sites would clash.
control_socket_disable = True

script_name = os.environ.get("DEMO_SCRIPT_NAME", "").rstrip("/")
if script_name:
    raw_env = [f"SCRIPT_NAME={script_name}"]


def when_ready(server):
    name = server.LISTENERS[0].sock.getsockname()
    address = f"unix:{name}" if isinstance(name, str) else f"{name[0]}:{name[1]}"
    print("READY", address, flush=True)
