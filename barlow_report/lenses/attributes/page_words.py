"""What is said of a cue: its name, and why it was not tested."""

from barlow_report.lenses.attributes.records import DirectionCue, ModeCue

__all__ = ["STATE_WORDS", "cue_words"]

STATE_WORDS = {
    "tested": "tested",
    "no_values": "no image has a value",
    "constant": "all of these images have it, or none",
    "too_few_images": "fewer than 5 images to compare",
}


def cue_words(cue: ModeCue | DirectionCue) -> str:
    """Name a cue by its column and its value: has_handle = no."""
    return f"{cue.column} = {cue.value}"
