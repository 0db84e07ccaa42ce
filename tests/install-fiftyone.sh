#!/bin/sh
# Install FiftyOne for its tests where it is missing: into an environment of its own, so that its hundred dependencies
# (1 GB) stay apart from ours, with a database in memory for where its own cannot be fetched.
set -eu
if [ -n "${BARLOW_REPORT_FIFTYONE:-}" ]; then exit 0; fi
here=$(dirname "$0")/../.venv
python=$here/bin/python
[ -x "$python" ] || python=${PYTHON:-python3}
if [ -e "$here/fiftyone/.installed" ]; then exit 0; fi
rm -rf "$here/fiftyone"
"$python" -m venv "$here/fiftyone"
if "$here/fiftyone/bin/python" -m pip install --quiet --no-compile "fiftyone~=1.22" "mongomock~=4.3"; then
    touch "$here/fiftyone/.installed"
else
    rm -rf "$here/fiftyone"
    echo "FiftyOne was not installed: its tests will be skipped. Name a Python that has it in BARLOW_REPORT_FIFTYONE." >&2
fi
