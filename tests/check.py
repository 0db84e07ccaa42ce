"""Run every check in one command: `python -m tests.check [arguments for pytest]`.

Format, lint and types first, because they take seconds; then the tests, a file on each processor at a time. All of them
run even if one fails.
"""

import os
import subprocess
import sys
from pathlib import Path

CHECKS = (
    ("format", ["ruff", "format", "--check", "."]),
    ("lint", ["ruff", "check", "."]),
    ("types", ["mypy"]),
    ("tests", ["pytest", "-n", "auto", "--dist", "loadfile"]),
)


def main() -> int:
    """Run the checks from the folder of the checkout and return 0 if all of them pass."""
    root = Path(__file__).resolve().parents[1]
    failed = []
    for name, command in CHECKS:
        arguments = sys.argv[1:] if name == "tests" else []
        sys.stdout.write(f"== {name}: {' '.join(command + arguments)}\n")
        sys.stdout.flush()
        # a thread for each test file in work: more of them would wait for each other
        environment = os.environ | ({"OMP_NUM_THREADS": "1"} if name == "tests" else {})
        done = subprocess.run([sys.executable, "-m", *command, *arguments], cwd=root, check=False, env=environment)
        if done.returncode:
            failed.append(name)
    sys.stdout.write(f"Failed: {', '.join(failed)}\n" if failed else "All checks passed.\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
