"""Large groups: rules are found and tested on a sample of the images, and counted on all of them.

A group of millions of images does not fit into memory, and the test of its rules is clear long before that. So from
`rules.max_fitted_images` images on, what looks at all features at once sees a sample: selection, cuts, trees, shuffles,
resamples, directions. What needs the features of one rule, its counts and rates, is counted on all images, which are
read in blocks (`barlow_report.rules.counting`).

**The sample** is drawn at random, with as large a share of the failures as of the other images; among both, of held-out
images as of others, and of each class where several make up the group. Of an outcome that is rare it holds at least
`rules.min_failures`, so that a group is not without failures because of the draw. Where rules are tested on held-out
images, only the others are sampled, and all held-out images test.

**The test stays valid.** It asks whether any order of the failures among the images were as likely as the one that was
seen. If so, that holds within the sample as well: how many failures are drawn is fixed, and which ones does not depend
on the features, so given the images of the sample every order of its failures is as likely, and shuffling the failures
within it gives an exact p-value. Where several classes make up the group, their shares among the failures of the sample
are those of the group, which differ from their shares among all images by less than chance makes them differ in a
sample. So what tells classes apart scores lower than its shuffles do, and its p-value is at most too large; what tells
failures apart within classes is tested as before.

**The rates have no choice in them.** A rule is chosen for its rate in the sample, so there its rate is estimated (see
`barlow_report.rules.estimates`). The images outside of the sample chose nothing: they are further data, and correct the
estimate by what they say. A rule that is tested on held-out images is counted on all of these.

**What is lost.** A cut leaves at least a twentieth of the images on each side, so a failure mode of one condition with
an error rate of at least ρ needs failures that are at least ρ/20 of the group: with the defaults 250 in a sample of
50,000, where far fewer are enough to find it. How often noise passes, how far rates are off and how much memory it
takes is measured by tests/benchmarks/large_groups.py.
"""

import numpy as np
import numpy.typing as npt

from barlow_report.config import RulesConfig

__all__ = ["draw_sample"]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_SAMPLE_STREAM = 5  # keeps the draw apart from other random numbers of the run's seed


def draw_sample(
    failure: Booleans, held_out: Booleans, labels: Integers, *, settings: RulesConfig, seed: int, group_id: int
) -> Integers | None:
    """Draw the images of a group that rules are found on.

    Args:
        failure: (n_images,) bool, of the group's images.
        held_out: (n_images,) bool, True for images that only test.
        labels: (n_images,) true class of each.
        settings: The section `rules`: its `max_fitted_images`, `min_failures`, and how rules are tested.
        seed: Of the run.
        group_id: Goes into the seed, so that groups draw on their own.

    Returns:
        Places in the group, ascending: `max_fitted_images` of them; None where there are no more than that.
    """
    may_be_drawn = np.ones_like(failure) if settings.is_shuffled else ~held_out
    n_all, n = int(may_be_drawn.sum()), settings.max_fitted_images
    if n_all <= n:
        return None
    random = np.random.default_rng([seed, _SAMPLE_STREAM, group_id])
    n_failures = int((failure & may_be_drawn).sum())
    most = n - min(n_all - n_failures, settings.min_failures)
    # rounded at random, so that every image has the same chance
    n_drawn = int(
        np.clip(np.floor(n * n_failures / n_all + random.random()), min(n_failures, settings.min_failures), most)
    )
    strata = held_out, labels
    chosen = [
        _every_so_many(np.flatnonzero(may_be_drawn & (failure == fails)), strata, wanted, random)
        for fails, wanted in ((True, n_drawn), (False, n - n_drawn))
    ]
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def _every_so_many(
    places: Integers, strata: tuple[Booleans, Integers], n: int, random: np.random.Generator
) -> Integers:
    """Draw `n` of some images, the same share of each stratum to less than one image, as `split_images` does."""
    held_out, labels = (stratum[places] for stratum in strata)
    order = places[np.lexsort((random.random(len(places)), labels, held_out))]
    steps = np.floor(np.arange(len(places) + 1) * n / max(len(places), 1) + random.random())
    return np.asarray(order[np.diff(steps) > 0])
