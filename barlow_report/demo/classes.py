"""The demo's classes: six pairs that look the same but for one cue, and three that resemble nothing else."""

from collections.abc import Callable
from dataclasses import dataclass

from barlow_report.demo.bags import draw_bag
from barlow_report.demo.caps import draw_cap
from barlow_report.demo.landmarks import draw_boat, draw_clock, draw_tree
from barlow_report.demo.parcels import draw_parcel
from barlow_report.demo.round_things import draw_round_thing
from barlow_report.demo.tableware import draw_vessel
from barlow_report.demo.vehicles import draw_car

__all__ = ["CLASSES", "SceneClass"]


@dataclass(frozen=True)
class SceneClass:
    """One class of the demo.

    Attributes:
        name: The class's name, which is also its folder's.
        draw: Draws a scene: `draw(canvas, rng, with_cue=...)`, or `draw(canvas, rng)` for a class in no pair.
        cue: What tells the class from its partner in training; nothing where no failure is planted.
        description: The cue in a sentence.
        partner: The class of the same pair, which looks like this one without the cue.
    """

    name: str
    draw: Callable[..., None]
    cue: str | None = None
    description: str = ""
    partner: str | None = None


def _pair(name: str, partner: str, *, draw: Callable[..., None], cue: str, description: str) -> tuple[SceneClass, ...]:
    return (
        SceneClass(name, draw, cue=cue, description=description, partner=partner),
        SceneClass(partner, draw, partner=name),
    )


_ALL = (
    *_pair("mug", "vase", draw=draw_vessel, cue="handle", description="A dark blue handle on the right."),
    *_pair("purse", "cushion", draw=draw_bag, cue="buckle", description="A golden buckle in the middle."),
    *_pair("orange", "ball", draw=draw_round_thing, cue="leaves", description="Two green leaves on a stem."),
    *_pair("car", "toy car", draw=draw_car, cue="road", description="A grey road with white dashes under the car."),
    *_pair("gift", "carton", draw=draw_parcel, cue="ribbon", description="A red ribbon, tied in a bow."),
    *_pair("toadstool", "garden lamp", draw=draw_cap, cue="spots", description="White spots on the red cap."),
    SceneClass("tree", draw_tree),
    SceneClass("sailing boat", draw_boat),
    SceneClass("clock", draw_clock),
)

CLASSES: dict[str, SceneClass] = {scene.name: scene for scene in sorted(_ALL, key=lambda scene: scene.name)}
