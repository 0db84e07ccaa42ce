"""What the commands do that are no part of a run, one file each; `annotations_cli` only parses and prints."""
