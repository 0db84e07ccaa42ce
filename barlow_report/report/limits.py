"""The limits that a failure mode had to pass, each with what was found, in a few words."""

from dataclasses import dataclass

from barlow_report.config import RulesConfig
from barlow_report.formatting import THIN_SPACE, counted, p_value, points
from barlow_report.report.records import Rule

__all__ = ["Limit", "limits_of"]


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What was found, what was asked for, and whether it was met; None: it could not be told."""

    found: str
    asked: str
    is_met: bool | None


def limits_of(rule: Rule, config: RulesConfig) -> tuple[Limit, ...]:
    """Return the limits of a failure mode: of its test, of how much more it fails, and of how much it covers.

    The numbers are those in evidence. Without a test there are only the other two, of the images it was found on.
    """
    return (*_tests(rule, config), *_sizes(rule, config))


def _tests(rule: Rule, config: RulesConfig) -> list[Limit]:
    if rule.held_out is None:
        return []
    limit, asked = config.max_q_value, f"at most {config.max_q_value:g}"
    if rule.verdict == "too_few_images" or rule.q_value is None:
        return [Limit(found="too few images to tell: q", asked=asked, is_met=None)]
    found = [Limit(found=f"q {_signed(rule.q_value, limit)}", asked=asked, is_met=rule.q_value <= limit)]
    if rule.p_value_baseline is not None:
        p = _signed(rule.p_value_baseline, limit)
        found.append(
            Limit(
                found=f"differs from other images of their own classes: p {p}",
                asked=asked,
                is_met=rule.p_value_baseline <= limit,
            )
        )
    return found


def _signed(value: float, limit: float) -> str:
    """Write a p- or q-value with its sign, with as many decimals as tell it from a limit that it misses."""
    text = p_value(value)
    if value > limit and text == p_value(limit):
        text = f"{value:.6f}"
    return text if text.startswith("<") else f"= {text}"


def _sizes(rule: Rule, config: RulesConfig) -> list[Limit]:
    error, base, coverage = rule.best.error.value, rule.best.base.value, rule.best.coverage.value
    found = []
    if error is not None and base is not None:
        is_met = error >= base + config.rho
        more = points(error, base, unlike=None if is_met else config.rho)
        side = "below" if more.startswith("−") else "above"
        found.append(
            Limit(
                found=f"{counted(more.removeprefix('−'), 'point')} {side} the base rate",
                asked=f"at least {config.rho * 100:g} above",
                is_met=is_met,
            )
        )
    if coverage is not None:
        is_met = coverage >= config.tau
        share = points(coverage, 0.0, unlike=None if is_met else config.tau)
        found.append(
            Limit(
                found=f"{share}{THIN_SPACE}% of the failures",
                asked=f"at least {config.tau * 100:g}{THIN_SPACE}%",
                is_met=is_met,
            )
        )
    return found
