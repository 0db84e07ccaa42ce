"""A made-up run of any size whose tables fit together: for tests of pages, and for looking at them.

Each class has a feature that its failures go along with; trees split there, and every count is computed from
the images, so that sums add up as in a real run.
"""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from barlow_report.chart import Chart
from barlow_report.config import SiteConfig
from barlow_report.lenses import registry
from barlow_report.report.source import RELIABILITY, ReportSource, gain_chart
from barlow_report.run_folder import Run
from barlow_report.tables import check_table
from barlow_report.visuals.strips import bins_at_threshold, choose_successes, images_at_threshold

__all__ = ["PAYLOADS", "PLANTED_TABLES", "Recipe", "synthetic_source"]

PLANTED_TABLES = ("planted", "planted_changes", "true_effects")
"""Tables that only a run of the demo has."""

PAYLOADS = (
    "<b>|*",
    "](javascript:alert(1))",
    "{{7*7}}",
    "{% raw %}",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)',
    "<!-- comment -->",
    "--><script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</noscript><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "[link](http://example.invalid)",
    "![image](http://example.invalid/x.png)",
    "# heading",
    "- list | table |",
    "`code`",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)",
    "=cmd|'/C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "${alert(1)}",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "\u202egnp.exe",
    "a\u2028alert(1)",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<a href=//example.invalid>x</a>",
    "<base href=//example.invalid>",
    "<meta http-equiv=refresh content=0>",
    "\\u003cscript\\u003e",
    "a very long name " * 12,
)


_Path = list[tuple[dict[str, Any], np.ndarray, np.ndarray]]
"""The conditions of a rule, each with the images that get to it and which of them meet it."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What to make up."""

    n_classes: int = 6
    n_per_class: int = 120
    depth: int = 1
    held_out_fraction: float = 0.3
    n_features: int = 512
    n_tiles: int = 6
    n_gallery: int = 6
    n_mode_images: int = 40
    image_size: int = 96
    n_pictures: int = 24
    hostile: bool = False
    failing: bool = True
    planted: bool = False
    other_group: bool = False
    n_skipped: int = 3
    statuses: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    site: SiteConfig = field(default_factory=SiteConfig)


def synthetic_source(folder: Path, recipe: Recipe) -> ReportSource:
    """Make up a run in `folder` (pictures only) and return it as the source of a site."""
    rng = np.random.default_rng(7)
    run = Run.create(folder, info=_info(recipe))
    pictures = _pictures(run, recipe, rng)
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in _NAMES}
    tables["classes"] = _classes(recipe)
    images = _images(recipe, rng)
    tables["images"] = images.to_dict("records")
    tables["splits"] = [
        {"image_id": i, "split": "held_out" if h else "fit"} for i, h in enumerate(_held_out(recipe, len(images), rng))
    ]
    tables["contents"] = [{"image_id": i, "digest": f"{i:032x}"} for i in range(len(images))]
    tables["skipped"] = [
        {"path": f"broken/<i>{i}</i>.jpg", "reason": "the file is empty"} for i in range(recipe.n_skipped)
    ]
    builder = _Builder(recipe, images, np.array([s["split"] == "held_out" for s in tables["splits"]]), pictures, rng)
    builder.build(tables)
    tables["explained"] = _explained()
    tables["evaluation"] = _evaluation(len(tables["groups"]))
    tables["evaluations"] = _evaluations(tables["groups"])
    if recipe.planted:
        tables["planted"] = _planted(recipe, tables)
        tables["true_effects"] = _true_effects(tables)
        tables["planted_changes"] = _planted_changes()
    frames = {}
    for name, rows in tables.items():
        if name not in PLANTED_TABLES or recipe.planted:
            frames[name] = check_table(name, _frame(name, rows), where=name)
    names = (RELIABILITY, gain_chart(0), gain_chart(1))
    charts = {name: Chart(light=_SVG, dark=_SVG, alt=f"Chart <b>{name}</b>") for name in names}
    return ReportSource(
        info=run.info, tables=frames, media=run.media, charts=charts, settings=recipe.site, lenses=registry.LENSES
    )


_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 80"><rect x="10" y="20" width="40" height="50"/>'
    '<rect x="80" y="40" width="40" height="30"/></svg>'
)
_NAMES = (
    "classes",
    "images",
    "skipped",
    "splits",
    "groups",
    "group_classes",
    "memberships",
    "selection",
    "nodes",
    "rules",
    "conditions",
    "tiles",
    "galleries",
    "mode_images",
    "mode_pictures",
    "contents",
    "histograms",
    "quantiles",
    "group_histograms",
    "group_quantiles",
    "strips",
    "strip_images",
)
_WORDS = ("mug", "vase", "purse", "cushion", "truck", "house", "water jug", "syringe", "hen", "dog", "cat", "frog")


def _bins(key: dict[str, int], *, n_highest: int, n_silent: int = 0) -> list[dict[str, Any]]:
    """Rows of a histogram that falls off, after a bin of `n_silent` images at exactly 0."""
    edges = np.linspace(0, 1.2, 25)
    counts = [int(n_highest * np.exp(-position / 6)) + 1 for position in range(24)]
    bins = [(low, high, n) for low, high, n in zip(edges[:-1], edges[1:], counts, strict=True)]
    if n_silent:
        bins = [(0.0, 0.0, n_silent), *bins]
    return [
        {**key, "position": position, "low": float(low), "high": float(high), "n_images": n, "n_failures": n // 3}
        for position, (low, high, n) in enumerate(bins)
    ]


def _frame(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    from barlow_report.tables import all_tables, empty_table

    return pd.DataFrame(rows, columns=all_tables()[name].column_names) if rows else empty_table(name)


def _info(recipe: Recipe) -> dict[str, Any]:
    return {
        "run_id": "0123456789abcdef",
        "name": "synthetic",
        "created_at": "2026-11-22T00:00:00Z",
        "versions": {"barlow_report": "0.1.0", "python": "3.11.7", "torch": "2.14.0", "scikit-learn": "1.9.0"},
        "device": "cpu",
        "assumptions": {"extract": {"range": "Grey values go up to <b>255</b>."}} if recipe.hostile else {},
        "seed": 0,
        "config": {
            "name": "synthetic",
            "seed": 0,
            "data": {"folder": "/home/somebody/secret/images", "manifest": None, "classes": ["a", "b"]},
            "inspected_model": {"factory": "/home/somebody/secret/net.py:standard", "weights": "/home/x/standard.pt"},
            "rules": {
                "max_depth": recipe.depth,
                "evidence": "held_out",
                "held_out_fraction": recipe.held_out_fraction,
                "min_images": 20,
                "rho": 0.1,
                "tau": 0.2,
            },
            "visuals": {"n_images": recipe.n_tiles, "attack": {"step_size": 10.0, "n_steps": 100, "radius": "auto"}},
        },
        "models": {
            "inspected": {"name": "net.py:standard", "sha256": "ab" * 32, "n_outputs": recipe.n_classes},
            "feature": {
                "name": "net.py:robust",
                "sha256": "cd" * 32,
                "n_features": recipe.n_features,
                "has_maps": True,
                "is_inspected": False,
            },
        },
    }


def _name(recipe: Recipe, i: int) -> str:
    if recipe.names:
        return recipe.names[i]
    if recipe.hostile and i < len(PAYLOADS):
        return PAYLOADS[i]
    return _WORDS[i] if i < len(_WORDS) else f"class {i:04d}"


def _classes(recipe: Recipe) -> list[dict[str, Any]]:
    return [{"class_id": i, "name": _name(recipe, i), "slug": f"c{i}"} for i in range(recipe.n_classes)]


def _images(recipe: Recipe, rng: np.random.Generator) -> pd.DataFrame:
    n = recipe.n_classes * recipe.n_per_class
    label = np.repeat(np.arange(recipe.n_classes), recipe.n_per_class)
    chance = rng.random(n)
    rate = np.where(np.arange(n) % recipe.n_per_class < recipe.n_per_class // 2, 0.85, 0.12)
    fails = (chance < rate) & recipe.failing & (recipe.n_classes > 1)
    shift = rng.integers(1, max(recipe.n_classes, 2), n)
    prediction = np.where(fails, (label + shift) % recipe.n_classes, label)
    path = [f"{_name(recipe, int(c))}/image {i}.jpg" if i % 5 else f"<u>{i}</u>.jpg" for i, c in enumerate(label)]
    return pd.DataFrame(
        {
            "image_id": np.arange(n),
            "path": path,
            "label": label,
            "prediction": prediction,
            "confidence": np.round(rng.uniform(0.4, 1.0, n), 3),
        }
    )


def _held_out(recipe: Recipe, n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.random(n) < recipe.held_out_fraction


def _encode(image: Image.Image, *, quality: int = 80) -> bytes:
    data = io.BytesIO()
    image.save(data, "WEBP", quality=quality, method=0)
    return data.getvalue()


def _pictures(run: Run, recipe: Recipe, rng: np.random.Generator) -> dict[str, list[str]]:
    """A few colourful pictures, heatmaps and attacks, used again and again."""
    size = recipe.image_size
    names: dict[str, list[str]] = {"thumbnail": [], "heatmap": [], "attack": []}
    for i in range(recipe.n_pictures):
        hue = int(255 * i / recipe.n_pictures)
        image = Image.new("HSV", (size, size), (hue, 90, 225)).convert("RGB")
        draw = ImageDraw.Draw(image)
        x, y = (int(v) for v in rng.integers(size // 8, size // 2, 2))
        draw.ellipse((x, y, x + size // 3, y + size // 3), fill=(255 - hue, hue, 120), outline="black")
        draw.rectangle((size // 2, size // 8, size - size // 8, size // 2), fill=(hue, 255 - hue, 60))
        names["thumbnail"].append(run.add_media(_encode(image)))
        noise = rng.integers(0, 90, (size, size, 3))
        attacked = np.clip(np.asarray(image).astype(int) + noise - 45, 0, 255).astype(np.uint8)
        names["attack"].append(run.add_media(_encode(Image.fromarray(attacked), quality=90)))
        grid = np.mgrid[0:56, 0:56] * size / 56
        centre = (x + size / 6, y + size / 6)
        heat = np.exp(-((grid[1] - centre[0]) ** 2 + (grid[0] - centre[1]) ** 2) / (2 * (size / 5) ** 2))
        heatmap = Image.fromarray((heat * 255).astype(np.uint8))
        names["heatmap"].append(run.add_media(_encode(heatmap)))
    return names


class _Builder:
    """Grows a tree for each group by halving at made-up features, and counts."""

    def __init__(
        self,
        recipe: Recipe,
        images: pd.DataFrame,
        held_out: np.ndarray,
        pictures: dict[str, list[str]],
        rng: np.random.Generator,
    ) -> None:
        self.recipe, self.images, self.held_out, self.pictures, self.rng = recipe, images, held_out, pictures, rng
        self.label = images["label"].to_numpy()
        self.prediction = images["prediction"].to_numpy()
        self.failure = self.label != self.prediction
        self.half = np.arange(len(images)) % recipe.n_per_class < recipe.n_per_class // 2
        self.n_pictures = 0
        self.rule_id = 0
        self.pictured: set[int] = set()

    def build(self, tables: dict[str, list[dict[str, Any]]]) -> None:
        groups: list[tuple[str, int | None, str, np.ndarray]] = []
        for grouping, column in (("label", self.label), ("prediction", self.prediction)):
            order = np.argsort(column, kind="stable")
            starts = np.searchsorted(column[order], np.arange(self.recipe.n_classes + 1))
            for c in range(self.recipe.n_classes):
                groups.append((grouping, c, _name(self.recipe, c), order[starts[c] : starts[c + 1]]))
        if self.recipe.other_group:
            groups += self._sets(tables, first=len(groups))
        features: set[int] = set()
        for group_id, (grouping, class_id, name, members) in enumerate(groups):
            self._group(tables, group_id, grouping, class_id, name, members, features)
        for feature_id in sorted(features):
            self._quantiles(tables, feature_id)
            tables["histograms"] += _bins({"feature_id": feature_id}, n_highest=400)
        groups_of = {rule["rule_id"]: rule["group_id"] for rule in tables["rules"]}
        modes = {rule["rule_id"] for rule in tables["rules"] if rule["is_failure_mode"]}
        used = {(groups_of[c["rule_id"]], c["feature_id"]) for c in tables["conditions"]}
        of_modes = {(groups_of[c["rule_id"]], c["feature_id"]) for c in tables["conditions"] if c["rule_id"] in modes}
        for group_id, feature_id in sorted(used):
            key = {"group_id": group_id, "feature_id": feature_id}
            tables["group_histograms"] += _bins(key, n_highest=40, n_silent=90 if feature_id % 2 else 0)
            if (group_id, feature_id) in of_modes:
                self._quantiles(tables, feature_id, group_id=group_id)

    def _quantiles(
        self, tables: dict[str, list[dict[str, Any]]], feature_id: int, *, group_id: int | None = None
    ) -> None:
        for position, quantile in enumerate((0.0, 0.25, 0.5, 0.75, 0.95)):
            for rank in (1, 2):
                place = feature_id * 10 + position * 2 + rank
                tables["quantiles" if group_id is None else "group_quantiles"].append(
                    {
                        **({} if group_id is None else {"group_id": group_id}),
                        "feature_id": feature_id,
                        "position": position,
                        "quantile": quantile,
                        "rank": rank,
                        "image_id": place % len(self.images),
                        "activation": quantile,
                        "thumbnail": self.pictures["thumbnail"][place % self.recipe.n_pictures],
                    }
                )

    def _sets(
        self, tables: dict[str, list[dict[str, Any]]], *, first: int
    ) -> list[tuple[str, int | None, str, np.ndarray]]:
        """A pair of the first two classes, their union, a value of a column, and images given by hand."""
        names = (_name(self.recipe, 0), _name(self.recipe, 1))
        labelled, predicted = self.label < 2, self.prediction < 2
        found: list[tuple[str, int | None, str, np.ndarray]] = [
            ("confused_pairs", None, " → ".join(names), np.flatnonzero((self.label == 0) & predicted)),
            ("unions_by_label", None, "<b>both</b>", np.flatnonzero(labelled)),
            ("column <u>site", None, "</script><script>alert(3)</script>", np.arange(0, len(self.label), 3)),
            ("night", None, "mug or <b>vase</b>", np.flatnonzero(predicted)),
        ]
        for group_id, (_, _, _, members) in enumerate(found, start=first):
            tables["memberships"] += [{"group_id": group_id, "image_id": int(i)} for i in members]
        both = [{"group_id": first + g, "position": c, "class_id": c} for g in (0, 1) for c in (0, 1)]
        tables["group_classes"] += both
        return found

    def _group(
        self,
        tables: dict[str, list[dict[str, Any]]],
        group_id: int,
        grouping: str,
        class_id: int | None,
        name: str,
        members: np.ndarray,
        features: set[int],
    ) -> None:
        fit, test = members[~self.held_out[members]], members[self.held_out[members]]
        n, k = len(fit), int(self.failure[fit].sum())
        n_test, k_test = len(test), int(self.failure[test].sum())
        status = "fitted"
        if n < 20:
            status = "too_few_images"
        elif k == 0:
            status = "no_failures"
        elif k == n:
            status = "only_failures"
        if group_id < len(self.recipe.statuses):
            status = self.recipe.statuses[group_id]
        leaves: list[tuple[int, _Path, np.ndarray]] = []
        if status == "fitted":
            self._node(tables, group_id, members, None, "root", 0, [], leaves, features)
        counts = [self._counts(rows) for _, _, rows in leaves]
        aler = sum(c["n_failures"] ** 2 / c["n_images"] for c in counts if c["n_images"]) / k if leaves and k else None
        aler_test = (
            sum(c["n_failures_held_out"] ** 2 / c["n_images_held_out"] for c in counts if c["n_images_held_out"])
            / k_test
            if leaves and k_test
            else None
        )
        group = {
            "group_id": group_id,
            "grouping": grouping,
            "class_id": class_id,
            "name": name,
            "n_images": n,
            "n_failures": k,
            "base_error_rate": k / n if n else None,
            "average_leaf_error_rate": aler,
            "n_images_held_out": n_test,
            "n_failures_held_out": k_test,
            **_rate("base_error_rate", k_test, n_test),
            "average_leaf_error_rate_held_out": aler_test,
            "noise_floor": 0.02 if leaves else None,
            "status": status,
        }
        tables["groups"].append(group)
        self._rules(tables, group, leaves, counts)

    def _counts(self, rows: np.ndarray) -> dict[str, int]:
        fit, test = rows[~self.held_out[rows]], rows[self.held_out[rows]]
        return {
            "n_images": len(fit),
            "n_failures": int(self.failure[fit].sum()),
            "n_images_held_out": len(test),
            "n_failures_held_out": int(self.failure[test].sum()),
        }

    def _node(
        self,
        tables: dict[str, list[dict[str, Any]]],
        group_id: int,
        rows: np.ndarray,
        parent: int | None,
        branch: str,
        depth: int,
        path: _Path,
        leaves: list[tuple[int, _Path, np.ndarray]],
        features: set[int],
    ) -> None:
        node_id = sum(1 for node in tables["nodes"][-40:] if node["group_id"] == group_id)
        is_leaf = depth == self.recipe.depth or len(rows) < 4
        feature_id = None if is_leaf else int((group_id * 7 + node_id * 3) % self.recipe.n_features)
        threshold = None if is_leaf else round(0.05 + (group_id * 13 + node_id * 7) % 90 / 100, 4)
        node = {
            "group_id": group_id,
            "node_id": node_id,
            "parent_id": parent,
            "branch": branch,
            "depth": depth,
            "feature_id": feature_id,
            "threshold": threshold,
            "printed_threshold": threshold,
            **self._counts(rows),
        }
        tables["nodes"].append(node)
        if feature_id is None:
            leaves.append((node_id, path, rows))
            return
        if feature_id not in features or not any(
            s["group_id"] == group_id and s["feature_id"] == feature_id for s in tables["selection"][-9:]
        ):
            self._selection(tables, group_id, feature_id, rows)
        features.add(feature_id)
        left = self.half[rows] if depth == 0 else np.arange(len(rows)) % 3 > 0
        for side, mask in (("le", left), ("gt", ~left)):
            condition = {"feature_id": feature_id, "branch": side} | dict.fromkeys(_THRESHOLDS, threshold)
            step = (condition, rows, mask)
            self._node(tables, group_id, rows[mask], node_id, side, depth + 1, [*path, step], leaves, features)

    def _selection(
        self, tables: dict[str, list[dict[str, Any]]], group_id: int, feature_id: int, rows: np.ndarray
    ) -> None:
        tables["selection"].append(
            {"group_id": group_id, "feature_id": feature_id, "mutual_information": 0.123, "rank": 1}
        )
        for rank in range(1, min(self.recipe.n_tiles, len(rows)) + 1):
            i = self.n_pictures % self.recipe.n_pictures
            self.n_pictures += 1
            tables["tiles"].append(
                {
                    "group_id": group_id,
                    "feature_id": feature_id,
                    "rank": rank,
                    "image_id": int(rows[(rank * 17) % len(rows)]),
                    "activation": round(1.2 - rank * 0.07, 4),
                    "attacked_activation": round(3.9 - rank * 0.11, 4),
                    "thumbnail": self.pictures["thumbnail"][i],
                    "map": self.pictures["heatmap"][i],
                    "map_low": 0.0,
                    "map_high": 4.2,
                    "heatmap": self.pictures["heatmap"][i],
                    "heatmap_low": 0.0,
                    "heatmap_high": 4.2,
                    "attack": self.pictures["attack"][i],
                }
            )

    def _rules(
        self,
        tables: dict[str, list[dict[str, Any]]],
        group: dict[str, Any],
        leaves: list[tuple[int, _Path, np.ndarray]],
        counts: list[dict[str, int]],
    ) -> None:
        in_sample = self.recipe.held_out_fraction == 0
        scored = []
        for (node_id, path, rows), c in zip(leaves, counts, strict=True):
            if not c["n_images"]:
                continue
            base = group["base_error_rate"]
            error, coverage = c["n_failures"] / c["n_images"], c["n_failures"] / group["n_failures"]
            scored.append((error >= base + 0.1 and coverage >= 0.2, error * coverage, node_id, path, rows, c))
        scored.sort(key=lambda item: (not item[0], -item[1], item[2]))
        for rank, (is_mode, importance, node_id, path, rows, c) in enumerate(scored, start=1):
            k, n = c["n_failures_held_out"], c["n_images_held_out"]
            rate = _rate("error_rate", k, n)
            covered = _rate("error_coverage", k, group["n_failures_held_out"])
            both = (rate["error_rate_held_out"], covered["error_coverage_held_out"])
            product = None if both[0] is None or both[1] is None else both[0] * both[1]
            q = None if in_sample or not is_mode else [0.0004, 0.012, 0.21][self.rule_id % 3]
            verdict = ("verified", "real_but_small", "can_be_chance")[self.rule_id % 3] if is_mode else None
            verdict = "in_sample_only" if in_sample and is_mode else verdict
            tables["rules"].append(
                {
                    "rule_id": self.rule_id,
                    "group_id": group["group_id"],
                    "node_id": node_id,
                    "rank": rank,
                    "n_images": c["n_images"],
                    "n_failures": c["n_failures"],
                    "base_error_rate": group["base_error_rate"],
                    "error_rate": c["n_failures"] / c["n_images"],
                    "error_coverage": c["n_failures"] / group["n_failures"],
                    "importance_value": importance,
                    "is_failure_mode": is_mode,
                    "n_images_held_out": n,
                    "n_failures_held_out": k,
                    **{key: group[key] for key in group if key.startswith("base_error_rate_held_out")},
                    **rate,
                    **covered,
                    "importance_value_held_out": product,
                    "p_value": q,
                    "q_value": q,
                    "verdict": verdict,
                    "p_value_baseline": None,
                    "stability": (0.92, 0.6, 0.3, None)[self.rule_id // 2 % 4] if is_mode else None,
                }
            )
            for position, (condition, reached, meets) in enumerate(path):
                tables["conditions"].append({"rule_id": self.rule_id, "position": position, **condition})
                if is_mode:
                    self._strip(tables, position, condition, reached, meets, is_last=position == len(path) - 1)
            if is_mode:
                self._mode_images(tables, path, rows)
            for is_failure in (True, False):
                chosen = rows[self.failure[rows] == is_failure][: self.recipe.n_gallery if is_mode else 0]
                for place, image_id in enumerate(chosen.tolist(), start=1):
                    tables["galleries"].append(
                        {
                            "rule_id": self.rule_id,
                            "image_id": image_id,
                            "is_failure": is_failure,
                            "rank": place,
                            "thumbnail": self.pictures["thumbnail"][image_id % self.recipe.n_pictures],
                        }
                    )
            self.rule_id += 1

    def _mode_images(self, tables: dict[str, list[dict[str, Any]]], path: _Path, rows: np.ndarray) -> None:
        """All images of a mode, with activations on the right side of each threshold, and some of their pictures."""
        rows = np.sort(rows)
        for position, (condition, _, _) in enumerate(path):
            part = 0.5 if condition["branch"] == "le" else 1.5
            tables["mode_images"] += [
                {
                    "rule_id": self.rule_id,
                    "position": position,
                    "image_id": image_id,
                    "activation": condition["threshold"] * part * (1 + image_id % 97 / 1000),
                }
                for image_id in rows.tolist()
            ]
        for image_id in rows[: self.recipe.n_mode_images].tolist():
            if image_id not in self.pictured:
                self.pictured.add(image_id)
                thumbnail = self.pictures["thumbnail"][image_id % self.recipe.n_pictures]
                tables["mode_pictures"].append({"image_id": image_id, "thumbnail": thumbnail})

    def _strip(
        self,
        tables: dict[str, list[dict[str, Any]]],
        position: int,
        condition: dict[str, Any],
        reached: np.ndarray,
        meets: np.ndarray,
        *,
        is_last: bool,
    ) -> None:
        """What lies along a condition: activations are made up, on the right side of the threshold."""
        cut, place = condition["threshold"], np.arange(1, len(reached) + 1) / len(reached)
        activations = np.where(meets == (condition["branch"] == "le"), cut * place, cut + place)
        key = {"rule_id": self.rule_id, "position": position}
        bins = bins_at_threshold(activations, self.failure[reached], threshold=cut)
        tables["strips"] += bins.assign(**key).to_dict("records")
        order = np.argsort(reached)
        n, ids, activations = self.recipe.n_gallery, reached[order], activations[order]
        parts = [images_at_threshold(activations, ids, threshold=cut, n=n)]
        if is_last:
            other = ~(self.failure[ids] | meets[order])
            parts.append(choose_successes(activations[other], ids[other], n=n, seed=0, rule_id=self.rule_id))
        for part in parts:
            pictures = [self.pictures["thumbnail"][i % self.recipe.n_pictures] for i in part["image_id"].tolist()]
            tables["strip_images"] += part.assign(**key, thumbnail=pictures).to_dict("records")


_THRESHOLDS = ("threshold", "printed_threshold")


def _rate(name: str, k: int, n: int) -> dict[str, float | None]:
    keys = (f"{name}_held_out", f"{name}_held_out_low", f"{name}_held_out_high")
    if not n:
        return dict.fromkeys(keys)
    p, z = k / n, 1.959964
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return dict(zip(keys, (p, float(max(centre - half, 0)), float(min(centre + half, 1))), strict=True))


def _explained() -> list[dict[str, Any]]:
    counts = {
        "n_verified": 3,
        "n_images": 500,
        "n_images_in_modes": 160,
        "n_images_in_verified": 90,
        "n_failures": 140,
        "n_failures_in_modes": 70,
        "n_failures_in_verified": 40,
        "n_images_held_out": 210,
        "n_images_in_verified_held_out": 42,
        "n_failures_held_out": 60,
        "n_failures_in_verified_held_out": 18,
    }
    return [
        {"scope": "run", "grouping": None, "group_id": None, **counts},
        {"scope": "grouping", "grouping": "label", "group_id": None, **counts},
        {"scope": "group", "grouping": "label", "group_id": 0, **counts},
    ]


def _evaluation(n_groups: int) -> list[dict[str, Any]]:
    return [
        {
            "grouping": "label",
            "depth": depth,
            "n_groups": n_groups,
            "n_trees": n_groups - 1,
            "n_with_mode": 2,
            "mean_tree_gain": 0.078,
            "n_trees_held_out": n_groups - 2,
            "n_with_mode_held_out": 1,
            "mean_tree_gain_held_out": 0.049,
            "mean_tree_gain_by_chance": 0.012,
        }
        for depth in (1, 3)
    ]


def _evaluations(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "group_id": group["group_id"],
            "depth": depth,
            "n_leaves": 2**depth,
            "base_error_rate": group["base_error_rate"],
            "tree_gain": 0.02 * depth,
            "n_images_held_out": 35,
            "base_error_rate_held_out": group["base_error_rate"],
            "tree_gain_held_out": 0.01,
            "tree_gain_by_chance": 0.012,
            "is_failure_mode": bool(group["group_id"] % 2),
            "is_failure_mode_held_out": group["group_id"] % 2,
        }
        for group in groups
        if group["status"] == "fitted"
        for depth in (1, 3)
    ]


def _planted(recipe: Recipe, tables: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    outcomes = ("found", "other_cue", "missed", "correctly_silent", "false_alarm")
    rows = []
    for c in range(recipe.n_classes):
        outcome = outcomes[c % len(outcomes)]
        has_rule = outcome in ("found", "other_cue", "false_alarm")
        rows.append(
            {
                "class_id": c,
                "cue": "" if outcome in ("correctly_silent", "false_alarm") else "handle",
                "n_images": 40,
                "n_with_cue": 21,
                "rule_id": tables["rules"][c]["rule_id"] if has_rule and c < len(tables["rules"]) else None,
                "agreement": 0.95 if has_rule else None,
                "cue_correlation": 0.86 if has_rule else None,
                "n_verified": int(has_rule),
                "outcome": outcome,
                **_label_noise(c, is_planted=c == len(outcomes)),
            }
        )
    return rows


def _true_effects(tables: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """A cue that a rule is about, and a decoy that none is about."""
    about = {"rule_id": tables["rules"][0]["rule_id"], "position": 0, "agreement": 0.95}
    nothing = dict.fromkeys(about)
    return [
        {
            "class_id": 0,
            "kind": kind,
            "name": name,
            "direction": direction,
            "n_scenes": 24,
            "n_failures": before,
            "n_failures_redrawn": after,
            "effect": abs(before - after) / 24,
            **rule,
        }
        for kind, name, direction, before, after, rule in (
            ("cue", "handle", "repair", 23, 1, about),
            ("cue", "handle", "break", 2, 24, about),
            ("decoy", "candle", "repair", 22, 22, nothing),
            ("decoy", "candle", "break", 2, 2, nothing),
        )
    ]


def _planted_changes() -> list[dict[str, Any]]:
    """A cue that is repaired, and the comparison says so; one that is new, and it does not; and a class without one."""
    columns = ("class_id", "cue", "change", "n_lacking", "n_failures_old", "n_failures_new")
    told = ("states_label", "states_prediction", "outcome")
    return [
        dict(zip((*columns, *told), row, strict=True))
        for row in (
            (0, "handle", "repaired", 19, 18, 1, "gone better", "undecided", "as_planted"),
            (1, "buckle", "new", 20, 0, 20, "unchanged", "", "differs"),
            (2, "", "none", 0, 0, 0, "", "", "as_planted"),
        )
    ]


def _label_noise(class_id: int, *, is_planted: bool) -> dict[str, Any]:
    return {
        "label_noise": "multi_label" if is_planted else "",
        "noise_sign": "car in front" if is_planted else "",
        "noise_class_id": class_id - 1 if is_planted else None,
        "n_noise": 30 if is_planted else 0,
        "n_noise_failures": 29 if is_planted else 0,
        "n_noise_recognised": 28 if is_planted else 0,
        "n_noise_false": 0,
    }
