#!/bin/sh
# Install Debian's WordNet database for the tests of superclasses where it is missing and can be installed.
set -eu
if [ -r "${BARLOW_REPORT_WORDNET:-/usr/share/wordnet}/data.noun" ]; then exit 0; fi
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends wordnet-base >/dev/null
else
    echo "WordNet was not found: its tests will be skipped. Install it, or name its folder in BARLOW_REPORT_WORDNET." >&2
fi
