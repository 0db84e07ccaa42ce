#!/bin/sh
# Install Debian's Chromium for the browser tests where it is missing and can be installed.
set -eu
for name in "${BARLOW_REPORT_CHROMIUM:-}" chromium chromium-browser google-chrome; do
    if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
else
    echo "Chromium was not found: browser tests will be skipped. Install it, or name it in BARLOW_REPORT_CHROMIUM." >&2
fi
