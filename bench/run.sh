#!/usr/bin/env bash
# Measures what the proxy costs: everything, or what is named: bench/run.sh forward form sockets saves claims
# `make bench` installs the programs and builds first. Loopback only; every process ends with it.
set -euo pipefail
cd "$(dirname "$0")/.."

# nginx lives in sbin, which an ordinary person's PATH lacks.
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
# 5,000 sockets need a file each, on both sides.
if ! ulimit -n 12000; then
    echo "bench: 12,000 open files are needed; please run: ulimit -n 12000 (or raise the hard limit)" >&2
    exit 1
fi
exec cargo bench --quiet --bench load -- "$@"
