"""Lenses: further looks at the failures that the rules explain, each in a folder of its own.

# Add a lens

A lens is one folder, `lenses/<name>/`, and one line, in `lenses/registry.py`. The rest of the package knows none of
them by name: the key in the configuration, the command, fingerprints, resuming, the deletion of stale tables, the
check of schemas, the navigation and the places on pages all follow from that line.

1. `__init__.py`: a subclass of `Lens` (`lens.py`, the whole protocol) with `name`, `key` and the methods that it has
   something to say to. It imports nothing at the top: a method imports what it calls.
2. `config.py`: the section, a pydantic model on `barlow_report.config.base.Section`. Paths in it are relative to the
   file, and those that are not there are told before the pass; `Section.missing` says what else it needs, such as a
   package. `configs/reference.yaml` shows its keys; a test compares them.
3. `tables.py`: the schemas. Other lenses and other programs read the tables, so each column says what it means.
4. The core, any modules: arrays and frames in, frames out. It imports the foundation and, where it needs them, `rules`
   and `visuals`; never `report`, never the run folder, never another lens that is not in `needs`.
5. `stage.py`: one function that reads the run, calls the core, and writes tables between `run.begin(key, …)` and
   `run.finish(key, …)` under a fingerprint of all that the result depends on. `vision` is imported inside functions.
6. `records.py`: tables to linked objects, the *view*. `pages.py`: the view to pages and to what stands on the pages of
   others (`report/slots.py`). Templates are in `templates/lenses/<name>/`, tests in `tests/lenses/<name>/`.

Simple lenses need fewer files. `configs/reference.yaml` and the manual are the only other places that tell of a lens.

`Lens.estimate` says how long `compute` will take and how much disk, for `barlow-report check`: from a short measurement
on some of the images (`stages.prospect`), or by a measured constant where it takes next to nothing (`estimating.py`).

A lens may also say what failure modes are sorted by first (`Lens.ranking`).

A lens that nobody asks for has no section (`section()` is None). It is computed whenever the stages before it are, and
its tables are deleted with those it `needs`.

`tests/lenses/toy/` is a small lens with a table, a page and a word in every place, which the package does not know;
`tests/lenses/test_toy_lens.py` runs it from the configuration to the site.
"""
