#!/usr/bin/env bash
# Makes sure that the programs named as arguments are on this machine, installing what is missing
# when that is possible: packages.sh redis-server chromium chromedriver node nginx wrk
# If it cannot, it fails with the very line to run; nothing is skipped in silence.
set -euo pipefail

# Debian's package for a program, where the names differ.
package_of() {
    case $1 in
        redis-server | chromium | nginx | wrk | faketime) echo "$1" ;;
        chromedriver) echo chromium-driver ;;
        node) echo nodejs ;;
        systemd-analyze | systemd-socket-activate) echo systemd ;;
        *) echo "packages.sh: no package known for '$1'" >&2; return 1 ;;
    esac
}

# Daemons live in sbin, which an ordinary person's PATH lacks.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

missing=()
for tool in "$@"; do
    package=$(package_of "$tool")
    command -v "$tool" >/dev/null || missing+=("$package")
done

if ((${#missing[@]})); then
    if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        echo "installing ${missing[*]}" >&2
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -q >&2
        apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
    else
        echo "missing programs; please run:" >&2
        echo "sudo apt-get install -y ${missing[*]}" >&2
        exit 1
    fi
fi

# The first number a program gives as its version. `|| true`: an odd version is reported below.
major() {
    { "$1" --version 2>/dev/null || true; } | grep -oE '[0-9]+' | head -n 1 || true
}

for tool in "$@"; do
    command -v "$tool" >/dev/null || { echo "'$tool' is still missing after the install" >&2; exit 1; }
    case $tool in
        node)
            found=$(major node)
            if ((${found:-0} < 18)); then
                echo "node is version ${found:-unknown}; the widget's tests need 18 or newer" >&2
                exit 1
            fi
            ;;
        chromedriver)
            driver=$(major chromedriver) browser=$(major chromium)
            if [[ -z $driver || $driver != "$browser" ]]; then
                echo "chromedriver ${driver:-unknown} does not fit chromium ${browser:-unknown}; please run:" >&2
                echo "sudo apt-get install -y chromium chromium-driver" >&2
                exit 1
            fi
            ;;
    esac
done
