"""The run folder: everything that later stages and other programs need, and nothing that is pickled.

The module is not called `run`, because `barlow_report.run` is the function that does everything.

`Run` is the only place that knows where things lie on disk: a folder of tables and arrays (`tables`), pictures and
run.json (`info`), in which stages come one after the other. Tables are Parquet and checked against
`tables` on every write and read; features are one `.npy` that is opened memory-mapped; pictures are named
by the hash of their bytes, so one picture is stored once however often it is shown.

Every file is checked before anything in it is believed: tables, arrays and run.json carry a seal (see `seals`),
pictures their name. Arrays are read once as a whole when a process first opens them, at about 1 GB a second: rules
need every row anyhow. A folder of format 1 had no checksums; it is refused and not read unchecked, because a file
that never had a seal cannot be told from one whose seal is damaged.

Runs for each output of a multi-label model lie side by side in a folder that lists them (`outputs`).

A stage that has finished leaves a mark: the fingerprint of what went into it. The same fingerprint again
means the stage is skipped; another one means it is redone, and the marks of later stages are dropped.
"""

from barlow_report.run_folder.folder import Run
from barlow_report.run_folder.info import fingerprint
from barlow_report.run_folder.outputs import is_of_each_output, prepare_outputs, read_outputs
from barlow_report.run_folder.stages import STAGES, stage_tables
from barlow_report.run_folder.tables import TableFiles, parse_table

__all__ = [
    "STAGES",
    "Run",
    "TableFiles",
    "fingerprint",
    "is_of_each_output",
    "parse_table",
    "prepare_outputs",
    "read_outputs",
    "stage_tables",
]
