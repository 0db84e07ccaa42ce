"""Which scenes a folder holds, and what is planted in each: everything follows from a few settings."""

from dataclasses import dataclass, field

from PIL import Image

from barlow_report.demo.classes import CLASSES
from barlow_report.demo.scenes import draw_scene, has_cue, has_decoy, has_label_noise

__all__ = ["Scene", "Settings", "draw_planned", "plan_scene", "plan_scenes"]


@dataclass(frozen=True)
class Settings:
    """What the pictures in a folder depend on."""

    format: int
    n_per_class: int
    cue_rate: float
    noise_rate: float
    seed: int
    size: int
    cue_rates: dict[str, float] = field(default_factory=dict)
    decoys: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Scene:
    """One picture of a folder."""

    class_name: str
    index: int
    with_cue: bool
    with_noise: bool
    with_decoy: bool
    seed: int

    @property
    def path(self) -> str:
        """Where it lies in the folder."""
        return f"{self.class_name}/{self.index:04d}.jpg"

    @property
    def label_noise(self) -> str:
        """The kind of label noise in the scene; empty: none."""
        noise = CLASSES[self.class_name].label_noise
        return noise.error_type if noise is not None and self.with_noise else ""

    @property
    def labels(self) -> tuple[str, ...]:
        """Every class that a person would see in the picture; of overlapping classes the label alone."""
        noise = CLASSES[self.class_name].label_noise
        if noise is None or self.label_noise != "multi_label":
            return (self.class_name,)
        return self.class_name, noise.other


def plan_scenes(settings: Settings) -> list[Scene]:
    """Every picture of a folder."""
    return [plan_scene(settings, name, index) for name in CLASSES for index in range(settings.n_per_class)]


def plan_scene(settings: Settings, name: str, index: int) -> Scene:
    """Scene `index` of class `name`."""
    seed = settings.seed
    usual_rate = 0.0 if CLASSES[name].is_cue_optional else settings.cue_rate
    with_cue = has_cue(name, seed=seed, index=index, cue_rate=settings.cue_rates.get(name, usual_rate))
    association = settings.decoys.get(name)
    return Scene(
        name,
        index,
        with_cue=with_cue,
        with_noise=has_label_noise(name, seed=seed, index=index, noise_rate=settings.noise_rate),
        with_decoy=association is not None
        and has_decoy(name, seed=seed, index=index, with_cue=with_cue, association=association),
        seed=seed,
    )


def draw_planned(scene: Scene) -> Image.Image:
    """Draw a scene as it is planned."""
    return draw_scene(
        scene.class_name,
        with_cue=scene.with_cue,
        seed=scene.seed,
        with_noise=scene.with_noise,
        with_decoy=scene.with_decoy,
        index=scene.index,
    )
