#!/usr/bin/env bash
# Makes a folder with a Python and the packages of one kind of site, and prints its path. Installs again only when
# the lists have changed. PYTHON chooses another interpreter.
#
#   venv.sh             target/venv: the demo site, and what the tests need beside it
#   venv.sh sites       target/venv-sites: every theme and package that the proxy is tried with
#   venv.sh sites-3.2   target/venv-sites-3.2: an older Django, alone; so too sites-4.2
#   venv.sh redises     target/venv-redises: other Redis servers than the machine's own
#   venv.sh sites-newest   target/venv-sites-newest: the newest Django that a Python of this machine can run
set -euo pipefail
cd "$(dirname "$0")/../.."

kind=${1:-demo}

# The newest Python that answers. A version manager's shims stand on the PATH and may answer nothing, so where pyenv
# keeps its own is looked at too.
newest_python() {
    local found newest=python3 highest=0 version
    for found in python3 python3.{12..19} "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python3; do
        version=$("$found" -c 'import sys; print(sys.version_info[0] * 1000 + sys.version_info[1])' 2>/dev/null) || continue
        if ((version > highest)); then newest=$found highest=$version; fi
    done
    echo "$newest"
}

if [[ $kind == sites-newest ]]; then python=${PYTHON:-$(newest_python)}; else python=${PYTHON:-python3}; fi
extra=
case $kind in
    demo) venv=$PWD/target/venv list=examples/demo/requirements.txt extra=tests/setup/requirements.txt ;;
    sites) venv=$PWD/target/venv-sites list=tests/sites/requirements.txt ;;
    sites-3.2 | sites-4.2 | sites-newest) venv=$PWD/target/venv-$kind list=tests/sites/requirements-${kind#sites-}.txt ;;
    redises) venv=$PWD/target/venv-redises list=tests/setup/redises.txt ;;
    *) echo "venv.sh: no kind of site is called '$kind'" >&2; exit 1 ;;
esac

if ! command -v "$python" >/dev/null; then
    echo "$python is missing; please run:" >&2
    echo "sudo apt-get install -y python3 python3-venv" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    echo "$("$python" --version) is too old; Python 3.10 or newer is needed (PYTHON=… chooses it)" >&2
    exit 1
fi
if [[ $kind == sites-3.2 ]] && ! "$python" -c 'import sys; sys.exit(sys.version_info >= (3, 12))'; then
    echo "$("$python" --version) is too new for Django 3.2, which needs Python 3.11 or older (PYTHON=… chooses it)" >&2
    exit 1
fi

# The stamp holds everything the result depends on, and is written last: a broken install is redone.
stamp="$("$python" -c 'import sys; print(sys.base_prefix, sys.version_info[:2])') $(cat "$list" ${extra:+"$extra"} | cksum)"
mkdir -p target
# Two runs at once would tread on each other.
exec 9>"$venv.lock"
! command -v flock >/dev/null || flock 9
if [[ ! -x $venv/bin/python || $(cat "$venv/stamp" 2>/dev/null) != "$stamp" ]]; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "this Python cannot make virtual environments; please run:" >&2
        echo "sudo apt-get install -y python3-venv" >&2
        exit 1
    fi
    echo "installing packages of $list into target/${venv##*/}" >&2
    rm -rf "$venv"
    "$python" -m venv "$venv" >&2
    pip=("$venv/bin/pip" install --quiet --disable-pip-version-check)
    "${pip[@]}" -r "$list" >&2
    [[ -z $extra ]] || "${pip[@]}" --no-deps -r "$extra" >&2
    echo "$stamp" >"$venv/stamp"
fi
echo "$venv"
