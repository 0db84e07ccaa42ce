"""The exceptions a user can act on.

Every message says where something went wrong, what was found, what was expected and what to do next. The
command line prints the message and exits with code 1; anything that is not a `BarlowReportError` is a bug.
"""

__all__ = [
    "BarlowReportError",
    "ConfigError",
    "DamagedFileError",
    "DataError",
    "ModelError",
    "OutputError",
    "RunFolderError",
    "SchemaError",
    "SiteError",
    "WorkerError",
]


class BarlowReportError(Exception):
    """Base of every error that the user can act on."""


class ConfigError(BarlowReportError):
    """The configuration file cannot be read or holds wrong keys or values."""


class DataError(BarlowReportError):
    """The images, the manifest or the class list do not fit together."""


class ModelError(BarlowReportError):
    """A model cannot be built, loaded or used as the configuration says."""


class RunFolderError(BarlowReportError):
    """The run folder is missing, incomplete, in use, or from another version."""


class DamagedFileError(RunFolderError):
    """A file of the run folder is not as it was written."""


class SchemaError(RunFolderError):
    """A table does not have the columns, types or values that its schema promises."""


class OutputError(BarlowReportError):
    """A file cannot be written: no permission, no space, or a folder that belongs to something else."""


class SiteError(BarlowReportError):
    """The site cannot be built from the run folder."""


class WorkerError(BarlowReportError):
    """Workers of a distributed run cannot be started, or end again and again at one piece of work."""
