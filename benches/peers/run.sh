#!/usr/bin/env bash
# Runs Python libraries beside ours, on the same data and in one run. See README.md.
set -euo pipefail

usage='run.sh [hopwise|decode|torch-cluster|pyg|transformers] [--venv DIR] [--data DIR] [--json] [options of peers.py]'
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

peer=hopwise
venvs=${FOOTPATH_PEERS_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/footpath-peers}
rest=()
while (($#)); do
    case $1 in
        hopwise | decode | torch-cluster | pyg | transformers) peer=$1 ;;
        --venv) venvs=${2:?$usage} && shift ;;
        --help | -h) echo "$usage" && exit 0 ;;
        *) rest+=("$1") ;;
    esac
    shift
done
case $(realpath -m "$venvs")/ in
    "$root"/*)
        echo "run.sh: $venvs is inside the repository; give --venv or FOOTPATH_PEERS_VENV another folder" >&2
        exit 2 ;;
esac

# What is measured, and of whom.
library=$peer
if [[ $peer == decode ]]; then library=hopwise; fi

# A folder for each library: their requirements differ. Made once; half of one is made again.
venv=$venvs/$library
if ! [[ -e $venv/complete ]]; then
    rm -rf "$venv"
    "${PYTHON:-python3}" -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement "$here/requirements/$library.txt" >&2
    # Built against the torch that is installed, hence after it and without isolation.
    if [[ -e $here/requirements/$library-build.txt ]]; then
        "$venv/bin/pip" install --quiet --no-build-isolation --requirement "$here/requirements/$library-build.txt" >&2
    fi
    touch "$venv/complete"
fi

if [[ -z ${FOOTPATH:-} ]]; then
    (cd "$root" && cargo build --quiet --release --package footpath-cli)
    FOOTPATH=${CARGO_TARGET_DIR:-$root/target}/release/footpath
fi
if [[ $library != hopwise && -z ${FOOTPATH_BENCH:-} ]]; then
    (cd "$root" && cargo build --quiet --release --package footpath-bench)
    FOOTPATH_BENCH=${CARGO_TARGET_DIR:-$root/target}/release/footpath-bench
fi
export FOOTPATH FOOTPATH_BENCH=${FOOTPATH_BENCH:-} PYTHONDONTWRITEBYTECODE=1

exec "$venv/bin/python" "$here/peers.py" "$peer" ${rest[@]+"${rest[@]}"}
