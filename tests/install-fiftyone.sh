#!/bin/sh
# Install FiftyOne and mlcroissant for the tests that use them, where they are missing: into an environment of their own,
# so that their hundred dependencies (1 GB) stay apart from ours, with a database in memory for where that of FiftyOne
# cannot be fetched.
set -eu
wanted="fiftyone~=1.22 mongomock~=4.3 mlcroissant~=1.1 pyarrow>=16"
if [ -n "${BARLOW_REPORT_FIFTYONE:-}" ]; then exit 0; fi
here=$(dirname "$0")/../.venv
python=$here/bin/python
[ -x "$python" ] || python=${PYTHON:-python3}
if [ "$(cat "$here/fiftyone/.installed" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
rm -rf "$here/fiftyone"
"$python" -m venv "$here/fiftyone"
# shellcheck disable=SC2086 # one word for each package
if timeout 600 "$here/fiftyone/bin/python" -m pip install --quiet --no-compile $wanted; then
    echo "$wanted" >"$here/fiftyone/.installed"
else
    rm -rf "$here/fiftyone"
    echo "FiftyOne was not installed: its tests will be skipped. Name a Python that has it in BARLOW_REPORT_FIFTYONE." >&2
fi
