"""A model card: what a report found, as Markdown with the metadata of Hugging Face's `model-index`.

Names of classes, models and runs come from outside. In the text they are put into <code>, with every character that is
neither letter nor digit as its number, so they are never markup; in the metadata they are YAML.
"""

import re
from collections.abc import Iterator, Mapping

import yaml

from barlow_report.formatting import THIN_SPACE, counted, interval, percent
from barlow_report.report.headlines import confusion_headline, headline, known_conditions
from barlow_report.report.judged import nothing_judged
from barlow_report.report.mode_words import mode_line, mode_name
from barlow_report.report.pages import Site
from barlow_report.report.pages.facts import evaluated_classes
from barlow_report.report.records import Rule
from barlow_report.report.words import rule_inequality
from barlow_report.significance import wilson_interval

__all__ = ["BEGIN", "END", "card_metadata", "card_section", "with_section"]

BEGIN, END = "<!-- barlow-report: begin -->", "<!-- barlow-report: end -->"
_N_MODES = 20
_MAY_BE_MARKUP = re.compile(r"[^\w\s.,;:%()≤–−“”>]|(?<! )>|>(?! )|(?<![^\W_])_|_(?![^\W_])")


def card_metadata(site: Site, *, model: str, run: str) -> str:
    """Return the front matter: accuracy and the error rate of each verified failure mode, as a `model-index`."""
    images = site.catalog.images
    accuracy = float((images.label == images.prediction).mean()) if len(images) else 0.0
    is_known = len(images) and not site.has_failures_alone
    metrics = [{"type": "accuracy", "name": "Accuracy", "value": round(accuracy, 6)}] if is_known else []
    for rule in _verified(site)[:_N_MODES]:
        name = f"Error rate, {mode_name(site.catalog.groups[rule.group_id], rule)}"
        metrics.append({"type": "error_rate", "name": name, "value": round(float(rule.best.error.value or 0.0), 6)})
    task = {"type": "image-classification", "name": "Image Classification"}
    dataset = {"name": f"{counted(len(images), 'image')} of the run {site.title}".replace(THIN_SPACE, " "), "type": run}
    result = {"task": task, "dataset": dataset, "metrics": metrics}
    values = {"tags": ["image-classification"], "model-index": [{"name": model, "results": [result]}]}
    return f"---\n{yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=1000)}---\n"


def card_section(site: Site, *, model: str) -> str:
    """Return the section on failure modes, between two comments by which a later one replaces it."""
    return "\n".join([BEGIN, *_lines(site, model=model), END]) + "\n"


def with_section(text: str, section: str) -> str:
    """Put a section into the text of a card: in the place of an earlier one, else at its end.

    Raises:
        ValueError: The text has one of the two comments without the other, or several.
    """
    begins, ends = text.count(BEGIN), text.count(END)
    if (begins, ends) == (0, 0):
        return f"{text.rstrip()}\n\n{section}"
    before, _, rest = text.partition(BEGIN)
    if (begins, ends) != (1, 1) or END not in rest:
        raise ValueError(f"expected one pair of {BEGIN} and {END}, found {begins} and {ends}")
    return f"{before}{section.rstrip()}{rest.partition(END)[2]}"


def _lines(site: Site, *, model: str) -> Iterator[str]:
    catalog = site.catalog
    modes = catalog.failure_modes()
    verified, judged = _verified(site), nothing_judged(site)
    said = headline(catalog, modes, judged=judged) if site.has_features else confusion_headline(catalog)
    yield from ("## Failure modes" if site.has_features else "## Failures", "", _text(said), "")
    images = catalog.images
    n_right = int((images.label == images.prediction).sum())
    if len(images) and not site.has_failures_alone:
        level = catalog.rules_config.confidence_level
        low, high = (float(end) for end in wilson_interval(n_right, len(images), level=level))
        right = percent(n_right / len(images), is_rest=True)
        words = f"is right for {right} of {counted(len(images), 'image')} ({level * 100:g} % interval"
        yield f"{_code(model)} {words} {interval(low, high, decimals=1)}).".replace(THIN_SPACE, " ")
    if evaluated := evaluated_classes(site.info):
        yield from ("", _text(evaluated))
    if not site.has_features:
        yield from ("", "No failure modes were looked for: the run has predictions and no features.")
        return
    known = known_conditions(catalog, modes)
    if known.candidates:
        yield from ("", _text(f"{known.candidates} {known.source}".strip()))
    if verified:
        yield from ("", "| Failure mode | Rule | q | Stability |", "| --- | --- | --- | --- |")
    for rule in verified[:_N_MODES]:
        group = catalog.groups[rule.group_id]
        q = "" if rule.q_value is None else f"{rule.q_value:.2g}"
        stability = "" if rule.stability is None else f"{rule.stability:.2f}"
        yield f"| {_text(mode_line(group, rule))} | {_text(rule_inequality(rule))} | {q} | {stability} |"
    if len(verified) > _N_MODES:
        yield from ("", f"And {len(verified) - _N_MODES} more.")
    if verified:
        yield from ("", _text(_features_words(site)))
    yield from (
        "",
        "A failure mode is a condition on a feature of another model under which images fail at least "
        f"{catalog.rules_config.rho * 100:g} points more often; it goes along with the failures and need not be their "
        "cause. Each one was tested against chance, at a false-discovery rate of "
        f"{catalog.rules_config.max_q_value:g}."
        if not catalog.is_in_sample
        else "No failure mode was tested: rates are of the images that rules were found on.",
    )


def _features_words(site: Site) -> str:
    """Say whose features the rules count, and where one sees what they mean."""
    if site.has_given_features:
        return (
            "A feature is a column of those that were given with the images; the report says where it is high and low."
        )
    models = site.info.get("models")
    model = models.get("feature") if isinstance(models, Mapping) else None
    whose = f"the model {model['name']}" if isinstance(model, Mapping) else "the feature model"
    return f"A feature is a number that {whose} has for each image. The report has pictures of what each responds to."


def _verified(site: Site) -> list[Rule]:
    return [rule for rule in site.catalog.failure_modes() if rule.verdict == "verified"]


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>"


def _text(text: str) -> str:
    """Text that is no markup: what may be a sign of Markdown or HTML is written as its number.

    An underscore within a word is none, and neither is > between spaces.
    """
    return re.sub(_MAY_BE_MARKUP, lambda sign: f"&#{ord(sign[0])};", text.replace(THIN_SPACE, " "))
