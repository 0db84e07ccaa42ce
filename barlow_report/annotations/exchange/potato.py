"""Potato: a task folder for the annotation tool of that name (arXiv 2212.08620).

The configuration is for version 2: radio, likert, text and multiselect schemes, the picture as HTML in the text
of each item. Potato serves what is in its media directory below /media/, and nothing else of the task folder.
"""

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from barlow_report.annotations.exchange.label_studio import QUESTIONS

__all__ = ["POTATO_IMAGES", "potato_config", "potato_items"]

POTATO_IMAGES = "/media/"
"""Where Potato serves the folder `images` of a task."""


def potato_config(*, name: str) -> str:
    """Return config.yaml."""
    schemes: list[dict[str, Any]] = [
        _text("short", "Short description, about 3 words", rows=1),
        _text("long", "Long description, about 15 words", rows=3),
    ]
    for key, (question, values) in QUESTIONS.items():
        if key in ("ease", "confidence"):
            ends = ("very hard", "very easy") if key == "ease" else ("not at all", "very")
            schemes.append(
                {
                    "annotation_type": "likert",
                    "name": key,
                    "description": question,
                    "min_label": ends[0],
                    "max_label": ends[1],
                    "size": 5,
                }
            )
        else:
            kind = "multiselect" if key == "remarks" else "radio"
            schemes.append({"annotation_type": kind, "name": key, "description": question, "labels": list(values)})
    config = {
        "annotation_task_name": name,
        "task_dir": ".",
        "data_files": ["items.jsonl"],
        "item_properties": {"id_key": "id", "text_key": "text"},
        "output_annotation_dir": "annotation_output",
        "export_annotation_format": "jsonl",
        "media_directory": "images",
        "user_config": {"allow_all_users": True, "users": []},
        "site_dir": "default",
        "annotation_schemes": schemes,
    }
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def _text(name: str, description: str, *, rows: int) -> dict[str, Any]:
    box = {"on": True, "rows": rows, "cols": 60}
    return {"annotation_type": "text", "name": name, "description": description, "labels": [name], "textarea": box}


def potato_items(tasks: Sequence[Mapping[str, Any]]) -> str:
    """Return items.jsonl: `tasks` as for Label Studio, with the key `id`."""
    lines = []
    for task in tasks:
        title, question, image = (html.escape(str(task[key])) for key in ("title", "question", "image"))
        asked = f"<p>The question “What is it?” below is: {question}</p>"
        text = f'<p>{title}</p>{asked}<p><img src="{image}" alt="Triptych" style="max-width: 100%"></p>'
        lines.append(json.dumps({**task, "text": text}, ensure_ascii=False))
    return "".join(f"{line}\n" for line in lines)
