#!/usr/bin/env bash
# Makes target/venv with what the demo site needs, and prints its path. Installs again only when
# examples/demo/requirements.txt or tests/setup/requirements.txt has changed. PYTHON chooses another interpreter.
set -euo pipefail
cd "$(dirname "$0")/../.."

requirements=examples/demo/requirements.txt
extra=tests/setup/requirements.txt
venv=$PWD/target/venv
python=${PYTHON:-python3}

if ! command -v "$python" >/dev/null; then
    echo "$python is missing; please run:" >&2
    echo "sudo apt-get install -y python3 python3-venv" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    echo "$("$python" --version) is too old; Python 3.10 or newer is needed (PYTHON=… chooses it)" >&2
    exit 1
fi

# The stamp holds everything the result depends on, and is written last: a broken install is redone.
stamp="$("$python" -c 'import sys; print(sys.base_prefix, sys.version_info[:2])') $(cat $requirements $extra | cksum)"
mkdir -p target
# Two runs at once would tread on each other.
exec 9>target/venv.lock
! command -v flock >/dev/null || flock 9
if [[ ! -x $venv/bin/gunicorn || $(cat "$venv/stamp" 2>/dev/null) != "$stamp" ]]; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "this Python cannot make virtual environments; please run:" >&2
        echo "sudo apt-get install -y python3-venv" >&2
        exit 1
    fi
    echo "installing the demo site's packages into target/venv" >&2
    rm -rf "$venv"
    "$python" -m venv "$venv" >&2
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" >&2
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$extra" >&2
    echo "$stamp" >"$venv/stamp"
fi
echo "$venv"
