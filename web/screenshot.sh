#!/usr/bin/env bash
# Makes a picture of a report with a headless Chromium: web/screenshot.sh runs/demo/report.html docs/report.png [width] [height]
set -euo pipefail
if [ $# -lt 2 ]; then echo "usage: $0 REPORT.html PICTURE.png [WIDTH] [HEIGHT]" >&2; exit 2; fi
[ -f "$1" ] || { echo "$1: no such report; make one with ./pav report RUN_FOLDER" >&2; exit 1; }
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || { echo "no Chromium found; on Debian: apt-get install chromium" >&2; exit 1; }
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
"$browser" --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync \
  --user-data-dir="$profile" --hide-scrollbars --virtual-time-budget=4000 --window-size="${3:-1200},${4:-1500}" \
  --screenshot="$(realpath -m "$2")" "file://$(realpath "$1")" >"$profile/log" 2>&1 || { cat "$profile/log" >&2; exit 1; }
[ -f "$2" ] || { cat "$profile/log" >&2; exit 1; }
echo "$2"
