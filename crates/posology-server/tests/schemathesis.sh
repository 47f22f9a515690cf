#!/usr/bin/env bash
# Asks the API what its own OpenAPI document says can be asked, and what it says cannot, and fails on any answer of 5xx.
#
#   POSOLOGY_TOKEN=… crates/posology-server/tests/schemathesis.sh http://127.0.0.1:8037/ [options of schemathesis run]
#
# It writes to the trial it asks: serve a copy. What it needs it installs into a folder of its own under `target/`; where there
# is no Python or no network it says `skipped: …`. Status: 0 nothing found or skipped, 1 something found, 2 not to be asked.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 2
version=4.32.5
address=${1:-}
[ -n "$address" ] || { echo "expected the address of the pages, such as http://127.0.0.1:8037/, found none" >&2; exit 2; }
shift
[ -n "${POSOLOGY_TOKEN:-}" ] || { echo "expected a token of the API in POSOLOGY_TOKEN, found none" >&2; exit 2; }
export POSOLOGY_TOKEN

command -v python3 >/dev/null 2>&1 || { echo "skipped: no Python"; exit 0; }
venv=${CARGO_TARGET_DIR:-$here/../../../target}/schemathesis-$version
if [ ! -x "$venv/bin/schemathesis" ]; then
  # Made beside and moved into place, so that what was cut short is not taken for whole.
  making=$venv.$$
  trap 'rm -rf "$making"' EXIT
  mkdir -p "$(dirname "$venv")"
  python3 -m venv "$making" >/dev/null 2>&1 || { echo "skipped: no venv of Python"; exit 0; }
  "$making/bin/python" -m pip install --quiet --disable-pip-version-check "schemathesis==$version" >/dev/null 2>&1 ||
    { echo "skipped: schemathesis cannot be fetched"; exit 0; }
  mv -T "$making" "$venv" 2>/dev/null || [ -d "$venv" ] || exit 2
fi

document=${address%/}/api/v1/openapi.json
"$venv/bin/python" - "$document" <<'PYTHON' || { echo "expected an OpenAPI document at $document, found none" >&2; exit 2; }
import json, os, sys, urllib.request
ask = urllib.request.Request(sys.argv[1], headers={"Authorization": "Bearer " + os.environ["POSOLOGY_TOKEN"]})
json.load(urllib.request.urlopen(ask, timeout=30))["openapi"]
PYTHON

# The token stands in the environment, not on the command line, where other users of the machine could read it.
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work" "${making:-$work}"' EXIT
cd "$work" || exit 2
NO_COLOR=1 "$venv/bin/python" -m schemathesis.cli --config-file "$here/schemathesis.toml" run "$document" \
  --checks not_a_server_error --continue-on-failure --seed 6 --request-timeout 120 --rate-limit 80/s --generation-with-security-parameters false --no-color "$@"
