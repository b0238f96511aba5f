#!/usr/bin/env bash
# Runs the demo: the shop on gunicorn, collab-proxy in front of it, until Ctrl-C. `make demo` builds
# first. DEMO_PORT and PROXY_PORT choose other ports (0 = any free one), PROXY_BIN another binary.
set -euo pipefail
cd "$(dirname "$0")/../.."

demo_port=${DEMO_PORT:-8000}
proxy_port=${PROXY_PORT:-8080}
proxy_bin=${PROXY_BIN:-target/release/collab-proxy}

fail() { echo "demo: $*" >&2; exit 1; }

[[ -x $proxy_bin ]] || fail "$proxy_bin is not there; run: cargo build --release"
for setting in "DEMO_PORT=$demo_port" "PROXY_PORT=$proxy_port"; do
    port=${setting#*=}
    [[ $port =~ ^[0-9]+$ ]] || fail "$setting is not a port number"
    if ((port)) && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        fail "port $port is taken; choose another, for instance: ${setting%=*}=$((port + 1)) make demo"
    fi
done

venv=$(tests/setup/venv.sh)
"$venv/bin/python" examples/demo/create.py

scratch=$(mktemp -d)
site_pid='' proxy_pid=''

# The proxy goes first, so that it can bring running saves to their end.
stop() {
    trap - EXIT
    trap '' INT TERM
    for pid in $proxy_pid $site_pid; do
        kill -TERM "$pid" 2>/dev/null || continue
        for _ in {1..100}; do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Waits for "READY address" on a pipe, sets `address`, and lets what follows through to the screen.
# A program that dies before closes its end, so nobody waits for it in vain.
await_ready() { # name, pipe
    local line deadline=$((SECONDS + 30))
    address=''
    exec {out}<"$2"
    while ((SECONDS < deadline)) && IFS= read -r -t 1 -u "$out" line || (($? > 128)); do
        ((SECONDS < deadline)) || fail "$1 was not ready within 30 s"
        [[ $line == "READY "* ]] || { [[ -z $line ]] || echo "$line"; continue; }
        address=${line#READY }
        cat <&"$out" &
        exec {out}<&-
        return
    done
    fail "$1 ended before it was ready"
}

mkfifo "$scratch/site" "$scratch/proxy"
DEMO_BIND=127.0.0.1:$demo_port "$venv/bin/gunicorn" -c examples/demo/gunicorn.conf.py >"$scratch/site" &
site_pid=$!
await_ready "the site" "$scratch/site"
site=$address

"$proxy_bin" serve --listen "127.0.0.1:$proxy_port" --upstream "http://$site" >"$scratch/proxy" &
proxy_pid=$!
await_ready "collab-proxy" "$scratch/proxy"

cat <<EOF

  The shop's admin, with collab-proxy in front:  http://${address#http://}/admin/
  (the same site without it:                     http://$site/admin/)

      Ada Lovelace   root  / root-demo
      Grace Hopper   grace / grace-demo

  Open two browser windows side by side, one of them private (or another browser profile), sign
  in as one of them in each, and open the same product in both. Ctrl-C ends the demo.

EOF

status=0
wait -n "$site_pid" "$proxy_pid" || status=$?
for child in "the site:$site_pid" "collab-proxy:$proxy_pid"; do
    kill -0 "${child#*:}" 2>/dev/null || echo "demo: ${child%:*} ended by itself (status $status)" >&2
done
exit $((status ? status : 1))
