"""The stages of a run, one file each: read the run folder, call the core, write the run folder."""
