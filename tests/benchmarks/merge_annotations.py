"""How long it takes to merge people's answers: `python -m tests.benchmarks.merge_annotations [records]`."""

import random
import sys
import tempfile
import time
from pathlib import Path

from barlow_report.commands.merge import MergeSettings, merge_files
from tests.annotations.people import answer, batch_items, finished_run, write_lines
from tests.report.synthetic import Recipe

WORDS = ("white", "red", "small", "round", "striped", "spots", "wheel", "handle", "buckle", "fur", "grass", "water")


def main(n_records: int) -> None:
    """Merge once into an empty run, once more into the full one, and print both."""
    rng = random.Random(0)  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory() as folder:
        n_classes = max(n_records // 10, 2)
        recipe = Recipe(n_classes=n_classes, n_per_class=40, image_size=32, n_pictures=4, n_tiles=1, n_gallery=1)
        run = finished_run(Path(folder) / "run", recipe)
        items = batch_items(run)
        records = [
            answer(
                f"person-{i % 5}",
                item=items[i // 5 % len(items)],
                short=" ".join(rng.sample(WORDS, 3)),
                long=" ".join(rng.choices(WORDS, k=15)),
                ease=rng.randint(1, 5),
                confidence=rng.randint(1, 5),
                most_useful=rng.choice("ABC"),
                relation="background",
            )
            for i in range(n_records)
        ]
        file = write_lines(Path(folder) / "answers.jsonl", records)
        for name in ("into an empty run", "the same again"):
            start, busy = time.perf_counter(), time.process_time()
            done = merge_files(run, [file], settings=MergeSettings())
            print(
                f"{n_records} records {name}: {time.perf_counter() - start:.2f} s "
                f"({time.process_time() - busy:.2f} s of one core), {done.n_applied} applied"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
