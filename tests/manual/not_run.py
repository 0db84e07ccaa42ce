"""What stands in the manual and is not run by its tests as it stands, each with the reason, and what is done instead.

Everything else is run: a new command or configuration is, too, unless it is added here.
"""

CONFIGURATIONS = {
    "ray, gpus_per_worker: 1}": "needs a graphics card; tests/engine/test_schedule.py simulates machines with some",
    "address: auto}": "needs a cluster that was started before; tests/engine/test_runs.py joins one by its address",
    '"10.0.0.1:6379"': "needs a cluster of 64 graphics cards at this address",
    "torchvision: all": "needs the weights of some hundred models from the web; tests/lenses/models/test_sources.py "
    "reads these patterns, and test_many_models.py asks a hundred small models",
}
"""By a part of the configuration that is in no other. All are valid, which tests/manual/test_pages.py checks."""

COMMANDS = {
    "make": "make installs from the web; what it calls is called by tests, or runs them",
    "python3 -m venv": "sets up the environment that tests run in",
    "pip install": "installs from the web",
    ".venv/bin/barlow-report demo": "is barlow-report demo, which tests/test_cli.py runs from an installed wheel",
    ".venv/bin/pip install": "installs from the web",
    ".venv/bin/python -m tests.check": "runs the tests themselves",
    "sh tests/install-fiftyone.sh": "installs from the web, into an environment of its own",
    "moto_server": "tests/manual/test_storage_page.py starts the same server within its process",
}
"""By how they begin. Calls of barlow-report are held to its options by tests/manual/test_pages.py."""

ELSEWHERE = {
    "barlow-report demo": "tests/test_cli.py",
    "CIFAR10=/path/to/your/copy barlow-report run configs/cifar10.yaml": "tests/manual/test_gallery.py",
    "barlow-report run digits.yaml": "tests/manual/test_gallery.py",
}
"""Commands that other tests run, and not those of a reader's day in test_commands.py."""
