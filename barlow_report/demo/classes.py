"""The demo's classes: six pairs that look the same but for one cue, and three that resemble nothing else.

The first class of each pair has a cue. So have two of the others, a vase its flowers and a ball its seams; the first
release's training images show neither, and its model takes no notice of them.

In two of them some images are labelled in one of two ways that are right: label noise, which a report should not call
the model's failures. Beside each thing with a cue a decoy can be drawn, which makes no difference to the models.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from barlow_report.demo.bags import draw_bag
from barlow_report.demo.caps import draw_cap
from barlow_report.demo.decoys import draw_balloon, draw_candle, draw_garland
from barlow_report.demo.landmarks import draw_boat, draw_clock, draw_tree
from barlow_report.demo.parcels import draw_parcel
from barlow_report.demo.round_things import draw_ball, draw_orange
from barlow_report.demo.tableware import draw_mug, draw_vase
from barlow_report.demo.vehicles import draw_car, draw_car_before_tree

__all__ = ["CLASSES", "Decoy", "LabelNoise", "SceneClass"]


@dataclass(frozen=True)
class Decoy:
    """Something that stands in a scene and that no model has learned.

    Attributes:
        name: What it is, in a word.
        description: It in a sentence.
        draw: Draws it over a finished scene: `draw(canvas, rng)`.
    """

    name: str
    description: str
    draw: Callable[..., None]


@dataclass(frozen=True)
class LabelNoise:
    """Scenes of a class for which the label of another class is right as well.

    Attributes:
        error_type: What kind of error it is to predict the other class: overlapping or multi_label.
        other: Name of the other class.
        sign: What tells these scenes from the others of the class, in a word or two.
        description: Why both labels are right.
        draw: Draws such a scene: `draw(canvas, rng)`.
    """

    error_type: str
    other: str
    sign: str
    description: str
    draw: Callable[..., None]


@dataclass(frozen=True)
class SceneClass:
    """One class of the demo.

    Attributes:
        name: The class's name, which is also its folder's.
        draw: Draws a scene: `draw(canvas, rng, with_cue=...)`, or `draw(canvas, rng)` for a class in no pair.
        cue: What can tell the class from its partner.
        description: The cue in a sentence.
        is_cue_optional: Whether the cue is drawn only where a rate is asked for this class.
        partner: The class of the same pair, which looks like this one without the cue.
        label_noise: What is planted among its labels, if anything.
        decoy: What can stand beside the thing.
    """

    name: str
    draw: Callable[..., None]
    cue: str | None = None
    description: str = ""
    is_cue_optional: bool = False
    partner: str | None = None
    label_noise: LabelNoise | None = None
    decoy: Decoy | None = None


def _pair(
    name: str,
    partner: str,
    *,
    draw: Callable[..., None],
    cue: str,
    description: str,
    decoy: Decoy,
    partner_noise: LabelNoise | None = None,
) -> tuple[SceneClass, ...]:
    return (
        SceneClass(name, draw, cue=cue, description=description, partner=partner, decoy=decoy),
        SceneClass(partner, draw, partner=name, label_noise=partner_noise),
    )


_WRAPPED = LabelNoise(
    "overlapping",
    "gift",
    "ribbon",
    "A carton with a red ribbon is a gift: either label is right.",
    partial(draw_parcel, with_cue=True),
)
_WITH_CAR = LabelNoise(
    "multi_label",
    "car",
    "car in front",
    "There is a car in front of the tree: both labels are right.",
    draw_car_before_tree,
)

_CANDLE = Decoy("candle", "A violet candle in the foreground.", draw_candle)
_GARLAND = Decoy("garland", "A garland of pennants along the top.", draw_garland)
_BALLOON = Decoy("balloon", "A hot-air balloon in the sky.", draw_balloon)

_ALL = (
    SceneClass(
        "mug", draw_mug, cue="handle", description="A dark blue handle on the right.", partner="vase", decoy=_CANDLE
    ),
    SceneClass("vase", draw_vase, cue="flowers", description="Pink flowers.", is_cue_optional=True, partner="mug"),
    *_pair(
        "purse",
        "cushion",
        draw=draw_bag,
        cue="buckle",
        description="A golden buckle in the middle.",
        decoy=_GARLAND,
    ),
    SceneClass(
        "orange", draw_orange, cue="leaves", description="Two green leaves on a stem.", partner="ball", decoy=_CANDLE
    ),
    SceneClass("ball", draw_ball, cue="seams", description="Three dark seams.", is_cue_optional=True, partner="orange"),
    *_pair(
        "car",
        "toy car",
        draw=draw_car,
        cue="road",
        description="A grey road with white dashes under the car.",
        decoy=_BALLOON,
    ),
    *_pair(
        "gift",
        "carton",
        draw=draw_parcel,
        cue="ribbon",
        description="A red ribbon, tied in a bow.",
        decoy=_GARLAND,
        partner_noise=_WRAPPED,
    ),
    *_pair(
        "toadstool",
        "garden lamp",
        draw=draw_cap,
        cue="spots",
        description="White spots on the red cap.",
        decoy=_BALLOON,
    ),
    SceneClass("tree", draw_tree, label_noise=_WITH_CAR),
    SceneClass("sailing boat", draw_boat),
    SceneClass("clock", draw_clock),
)

CLASSES: dict[str, SceneClass] = {scene.name: scene for scene in sorted(_ALL, key=lambda scene: scene.name)}
