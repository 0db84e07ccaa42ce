import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

import barlow_report.demo
from barlow_report.demo.planning import Settings, plan_scenes
from barlow_report.demo.scene_folder import (
    MULTI_LABELS,
    OVERLAPPING,
    SCENE_TABLE,
    read_scene_table,
    redraw,
    write_scenes,
)
from barlow_report.demo.scenes import CLASSES, IMAGE_SIZE, draw_scene, has_cue, has_decoy, has_label_noise
from barlow_report.errors import DataError
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.multi_labels import read_label_sets
from barlow_report.lenses.error_types.pairs import read_pairs
from barlow_report.lenses.error_types.superclasses import read_superclasses

_NOISY = [name for name, scene in CLASSES.items() if scene.label_noise is not None]
_WITH_CUE = [name for name, scene in CLASSES.items() if scene.cue is not None]
_PLANTED = [name for name in _WITH_CUE if not CLASSES[name].is_cue_optional]
_WITH_DECOY = [name for name, scene in CLASSES.items() if scene.decoy is not None]


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _changed(name: str, *, index: int) -> float:
    """The share of pixels that the cue changes visibly."""
    pictures = [np.asarray(draw_scene(name, with_cue=c, seed=3, index=index), dtype=float) for c in (True, False)]
    return float((np.abs(pictures[0] - pictures[1]).max(axis=2) > 24).mean())


def test_at_least_five_failure_modes_are_planted_and_two_classes_have_no_partner() -> None:
    assert len(_PLANTED) >= 5
    assert len([name for name in CLASSES if name not in (*_PLANTED, *_NOISY)]) >= 5
    assert sum(scene.partner is None for scene in CLASSES.values()) >= 2


def test_classes_are_sorted_and_partners_point_at_each_other() -> None:
    assert list(CLASSES) == sorted(CLASSES)
    for scene in CLASSES.values():
        if scene.partner is not None:
            partner = CLASSES[scene.partner]
            assert partner.partner == scene.name
            assert (partner.name in _PLANTED) != (scene.name in _PLANTED)
        assert bool(scene.cue) == bool(scene.description)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("with_cue", [True, False])
def test_a_scene_is_a_picture_of_the_size_asked_for_with_many_colours(name: str, with_cue: bool) -> None:
    image = draw_scene(name, with_cue=with_cue, seed=0)
    assert (image.mode, image.size) == ("RGB", (IMAGE_SIZE, IMAGE_SIZE))
    assert len(np.unique(np.asarray(image).reshape(-1, 3), axis=0)) > 500
    assert draw_scene(name, with_cue=with_cue, seed=0, size=96).size == (96, 96)


@pytest.mark.parametrize("name", CLASSES)
def test_a_scene_follows_from_its_seed_alone(name: str) -> None:
    first = draw_scene(name, with_cue=True, seed=7, index=4)
    draw_scene("tree", with_cue=False, seed=1)
    assert draw_scene(name, with_cue=True, seed=7, index=4).tobytes() == first.tobytes()
    assert draw_scene(name, with_cue=True, seed=8, index=4).tobytes() != first.tobytes()
    assert draw_scene(name, with_cue=True, seed=7, index=5).tobytes() != first.tobytes()


@pytest.mark.parametrize("name", _WITH_CUE)
def test_the_cue_changes_a_visible_part_of_the_picture_and_leaves_the_rest(name: str) -> None:
    for index in range(4):
        assert 0.02 < _changed(name, index=index) < 0.6


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in _WITH_CUE])
def test_a_class_without_a_cue_looks_the_same_whatever_is_asked(name: str) -> None:
    assert _changed(name, index=0) == 0


@pytest.mark.parametrize("name", _WITH_DECOY)
@pytest.mark.parametrize("index", range(3))
def test_a_decoy_covers_a_part_of_the_picture_and_leaves_the_rest_pixel_for_pixel(name: str, index: int) -> None:
    bare, cue, decoy, both = (
        np.asarray(draw_scene(name, with_cue=c, with_decoy=d, seed=3, index=index))
        for c, d in ((False, False), (True, False), (False, True), (True, True))
    )
    covered = (decoy != bare).any(axis=2)
    assert 0.01 < covered.mean() < 0.3
    assert (both == cue)[~covered].all()
    assert (both != cue).any()


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in _WITH_DECOY])
def test_a_class_without_a_decoy_looks_the_same_whatever_is_asked(name: str) -> None:
    first, second = (draw_scene(name, with_cue=True, with_decoy=d, seed=3) for d in (False, True))
    assert first.tobytes() == second.tobytes()
    assert not has_decoy(name, seed=3, index=0, with_cue=True, association=1.0)


@pytest.mark.parametrize("association", [0.0, 0.5, 0.9, 1.0])
def test_a_decoy_goes_along_with_the_cue_as_often_as_asked(association: float) -> None:
    for with_cue in (True, False):
        shown = [
            has_decoy("mug", seed=1, index=index, with_cue=with_cue, association=association) for index in range(1500)
        ]
        assert np.mean(np.array(shown) == with_cue) == pytest.approx(association, abs=0.03)


@pytest.mark.parametrize("changes", ["cue", "decoy"])
def test_a_scene_of_a_folder_is_redrawn_with_one_thing_changed(
    tmp_path: Path, changes: Literal["cue", "decoy"]
) -> None:
    settings: dict[str, Any] = {"n_per_class": 4, "cue_rate": 0.5, "seed": 2}
    folder = write_scenes(tmp_path / "scenes", decoys={"mug": 0.5}, **settings)
    table = read_scene_table(folder).set_index("path")
    for path, row in table[table["label"] == "mug"].iterrows():
        shown = {"cue": bool(row["cue_present"]), "decoy": bool(row["decoy_present"])}
        shown[changes] = not shown[changes]
        index = int(Path(path).stem)
        drawn = draw_scene("mug", with_cue=shown["cue"], with_decoy=shown["decoy"], seed=2, index=index)
        with Image.open(folder / path) as image:
            before = np.asarray(image, dtype=float)
        found = np.asarray(redraw(folder, path, changes=changes), dtype=float)
        assert np.abs(found - np.asarray(drawn, dtype=float)).mean() < 3
        assert 0.005 < (np.abs(found - before).max(axis=2) > 40).mean() < 0.4
    assert not table.loc[table["label"] != "mug", "decoy_present"].any()


@pytest.mark.parametrize("path", ["teapot/0000.jpg", "mug", "mug/x.jpg"])
def test_what_is_no_scene_of_the_folder_is_not_redrawn(tmp_path: Path, path: str) -> None:
    folder = write_scenes(tmp_path / "scenes", n_per_class=1, cue_rate=0.5, seed=2)
    with pytest.raises(DataError, match="found no scene"):
        redraw(folder, path, changes="cue")


@pytest.mark.parametrize("rate", [0.0, 0.5, 0.97, 1.0])
def test_the_share_of_scenes_with_the_cue_is_the_rate(rate: float) -> None:
    shown = [has_cue("mug", seed=1, index=index, cue_rate=rate) for index in range(2000)]
    assert np.mean(shown) == pytest.approx(rate, abs=0.03)
    assert not has_cue("clock", seed=1, index=0, cue_rate=1.0)


def test_label_noise_of_both_kinds_is_planted_where_no_failure_mode_is() -> None:
    noises = [noise for scene in CLASSES.values() if (noise := scene.label_noise) is not None]
    assert {noise.error_type for noise in noises} == {"overlapping", "multi_label"}
    assert all(noise.other in CLASSES for noise in noises)
    assert not set(_NOISY) & set(_PLANTED)


@pytest.mark.parametrize("name", _NOISY)
def test_label_noise_is_another_picture_of_the_same_seed(name: str) -> None:
    plain, noisy = (draw_scene(name, with_cue=True, with_noise=noise, seed=3) for noise in (False, True))
    assert np.abs(np.asarray(plain, dtype=float) - np.asarray(noisy, dtype=float)).mean() > 5
    assert noisy.size == (IMAGE_SIZE, IMAGE_SIZE)


def test_a_class_without_label_noise_looks_the_same_whatever_is_asked() -> None:
    plain, noisy = (draw_scene("clock", with_cue=True, with_noise=noise, seed=3) for noise in (False, True))
    assert plain.tobytes() == noisy.tobytes()


def test_the_share_of_scenes_with_label_noise_is_the_rate() -> None:
    shown = [has_label_noise("tree", seed=1, index=index, noise_rate=0.25) for index in range(2000)]
    assert np.mean(shown) == pytest.approx(0.25, abs=0.03)
    assert not has_label_noise("clock", seed=1, index=0, noise_rate=1.0)


def test_an_unknown_class_is_named() -> None:
    with pytest.raises(DataError, match="no class 'teapot'"):
        draw_scene("teapot", with_cue=True, seed=0)


def test_written_scenes_are_what_the_table_says(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "scenes", n_per_class=2, cue_rate=0.5, noise_rate=1.0, seed=2)
    table = read_scene_table(folder)
    assert set(table["label_noise"]) == {"", "overlapping", "multi_label"}
    assert list(table["label"].value_counts().unique()) == [2]
    for row in table.to_dict("records"):
        with Image.open(folder / row["path"]) as image:
            found = np.asarray(image, dtype=float)
        index = int(Path(row["path"]).stem)
        drawn = draw_scene(
            row["label"], with_cue=row["cue_present"], with_noise=row["label_noise"] != "", seed=2, index=index
        )
        assert np.abs(found - np.asarray(drawn, dtype=float)).mean() < 3
        assert row["path"].startswith(row["label"] + "/")


def test_the_files_of_labels_are_those_that_error_types_read(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "scenes", n_per_class=1, cue_rate=0.5, noise_rate=1.0, seed=2)
    vocabulary = Vocabulary(names=list(CLASSES))
    labels = read_label_sets(folder / MULTI_LABELS, vocabulary=vocabulary).labels
    named = {path: [vocabulary.names[i] for i in ids] for path, ids in labels.items()}
    assert named.pop("tree/0000.jpg") == ["tree", "car"]
    assert all(names == [path.split("/")[0]] for path, names in named.items())
    assert len(named) == len(CLASSES) - 1
    pairs, _ = read_pairs(folder / OVERLAPPING, vocabulary=vocabulary, columns=("label", "prediction"), both_ways=False)
    assert len(pairs) == 1
    assert pairs.hold([vocabulary.names.index("carton")], [vocabulary.names.index("gift")]).tolist() == [True]
    read_superclasses(Path(barlow_report.demo.__file__).with_name("superclasses.yaml"), vocabulary=vocabulary)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_scenes_of_an_earlier_version_are_kept_but_for_those_with_what_it_lacked(tmp_path: Path, version: int) -> None:
    lacks = {"noise_rate": _NOISY, "decoys": ["mug"], "cue_rates": ["vase"]}
    new = list(lacks)[version - 1 :]
    asked: dict[str, Any] = {"n_per_class": 1, "cue_rate": 1.0, "seed": 0}
    wanted = asked | {"noise_rate": 1.0, "decoys": {"mug": 1.0}, "cue_rates": {"vase": 1.0}}
    folder = write_scenes(tmp_path / "scenes", **{key: value for key, value in wanted.items() if key not in new})
    settings = json.loads((folder / "scenes.json").read_text())
    earlier = {key: value for key, value in settings.items() if key not in new} | {"format": version}
    (folder / "scenes.json").write_text(json.dumps(earlier))
    before = _digests(folder)
    write_scenes(folder, **wanted)
    pictures = [path for path in before if path.endswith(".jpg")]
    changed = {path for path in pictures if _digests(folder)[path] != before[path]}
    assert changed == {f"{name}/0000.jpg" for key in new for name in lacks[key]}
    with pytest.raises(DataError, match="holds scenes drawn with"):
        write_scenes(folder, **asked)


def test_an_optional_cue_is_drawn_only_where_a_rate_is_asked_for_its_class() -> None:
    asked: dict[str, Any] = {"n_per_class": 20, "size": IMAGE_SIZE, "noise_rate": 0.0, "seed": 0, "format": 1}
    for rates, shown in (({}, {*_PLANTED}), ({"vase": 1.0, "mug": 0.0}, {*_PLANTED, "vase"} - {"mug"})):
        scenes = plan_scenes(Settings(cue_rate=1.0, cue_rates=rates, **asked))
        assert {scene.class_name for scene in scenes if scene.with_cue} == shown
        assert sum(scene.with_cue for scene in scenes) == 20 * len(shown)


def test_an_interrupted_call_is_finished_by_the_next_with_the_same_bytes(tmp_path: Path) -> None:
    def interrupt(_: int) -> None:
        if len(list((tmp_path / "b").rglob("*.jpg"))) >= 7:
            raise KeyboardInterrupt

    whole = _digests(write_scenes(tmp_path / "a", n_per_class=2, cue_rate=0.5, seed=2))
    with pytest.raises(KeyboardInterrupt):
        write_scenes(tmp_path / "b", n_per_class=2, cue_rate=0.5, seed=2, advance=interrupt)
    assert not (tmp_path / "b" / SCENE_TABLE).exists()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "b").rglob("*.jpg")}
    n_done: list[int] = []
    assert _digests(write_scenes(tmp_path / "b", n_per_class=2, cue_rate=0.5, seed=2, advance=n_done.append)) == whole
    assert sum(n_done) == 2 * len(CLASSES)
    assert all(path.stat().st_mtime_ns == changed for path, changed in kept.items())


def test_only_missing_pictures_are_drawn_again(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "scenes", n_per_class=1, cue_rate=1.0, seed=0)
    before = _digests(folder)
    (folder / "mug" / "0000.jpg").unlink()
    (folder / "tree" / "0000.jpg").write_bytes(b"kept")
    write_scenes(folder, n_per_class=1, cue_rate=1.0, seed=0)
    assert (folder / "tree" / "0000.jpg").read_bytes() == b"kept"
    assert _digests(folder)["mug/0000.jpg"] == before["mug/0000.jpg"]


@pytest.mark.slow
def test_many_processes_write_what_one_writes(tmp_path: Path) -> None:
    many = write_scenes(tmp_path / "many", n_per_class=21, cue_rate=0.5, seed=5)
    one = write_scenes(tmp_path / "one", n_per_class=1, cue_rate=0.5, seed=5)
    pictures = {path: digest for path, digest in _digests(one).items() if path.endswith(".jpg")}
    assert pictures.items() <= _digests(many).items()


def test_a_folder_with_other_scenes_is_left_alone(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "scenes", n_per_class=1, cue_rate=1.0, seed=0)
    before = _digests(folder)
    with pytest.raises(DataError, match="holds scenes drawn with"):
        write_scenes(folder, n_per_class=1, cue_rate=1.0, seed=1)
    assert _digests(folder) == before


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match="holds other files"):
        write_scenes(tmp_path, n_per_class=1, cue_rate=1.0, seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(("n_per_class", "cue_rate"), [(0, 0.5), (1, 1.5), (1, -0.1)])
def test_settings_out_of_range_are_refused(tmp_path: Path, n_per_class: int, cue_rate: float) -> None:
    with pytest.raises(DataError, match="expected at least 1"):
        write_scenes(tmp_path / "scenes", n_per_class=n_per_class, cue_rate=cue_rate, seed=0)


def test_a_rate_of_label_noise_out_of_range_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"noise_rate 1\.5; expected"):
        write_scenes(tmp_path / "scenes", n_per_class=1, cue_rate=1.0, noise_rate=1.5, seed=0)


def test_a_missing_table_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Draw the scenes again"):
        read_scene_table(tmp_path)
