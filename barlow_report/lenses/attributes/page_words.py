"""Why a cue was not tested, in words."""

__all__ = ["STATE_WORDS"]

STATE_WORDS = {
    "tested": "tested",
    "no_values": "no image has a value",
    "constant": "all of these images have it, or none",
    "too_few_images": "fewer than 5 images to compare",
}
