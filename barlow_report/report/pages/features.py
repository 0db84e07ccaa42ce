"""The index of features, and one page per feature."""

from collections.abc import Iterator
from dataclasses import dataclass

from barlow_report.formatting import counted
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, Picture, TableColumn
from barlow_report.report.glossary import meaning
from barlow_report.report.names import FeatureName
from barlow_report.report.pages.distributions import Distribution, in_groups, over_all
from barlow_report.report.pages.page import Heading, Site, SitePage
from barlow_report.report.pages.pictures import TriptychView, triptych
from barlow_report.report.records import Rule
from barlow_report.report.words import group_short, grouping_label, images_of, rule_inequality

__all__ = ["FeatureView", "FeaturesView", "RuleUse", "feature_pages", "features_page"]

_UP = (Link("Overview", "index.html"), Link("Features", "features/index.html"))


@dataclass(frozen=True, kw_only=True)
class FeaturesView:
    """The sortable table of features."""

    table: DataTable


@dataclass(frozen=True, kw_only=True)
class RuleUse:
    """A rule that uses the feature, and what the feature tells about failures in its group."""

    rule: Rule
    link: Link
    group: Link
    grouping: str
    mutual_information: float | None
    mutual_information_rank: int | None


@dataclass(frozen=True, kw_only=True)
class FeatureView:
    """One feature; `distributions` are of the groups whose rules use it, the most important first."""

    feature_id: int
    names: tuple[tuple[Link, FeatureName], ...]
    triptychs: tuple[TriptychView, ...]
    distributions: tuple[Distribution, ...]
    everywhere: Distribution
    failure_modes: tuple[RuleUse, ...]
    other_rules: tuple[RuleUse, ...]
    json_path: str


def features_page(site: Site) -> SitePage:
    """The index of features."""
    rows = [_row(site, feature_id) for feature_id in site.catalog.feature_ids]
    rows.sort(key=lambda row: (-_as_int(row[3]), -_as_int(row[2]), _as_int(row[1])))
    has_names = bool(site.catalog.names)
    links = [
        [row[0], site.feature_link(_as_int(row[1])), *([_names(site, _as_int(row[1]))] * has_names), *row[2:]]
        for row in rows
    ]
    names = (
        TableColumn(
            key="names",
            label="Name",
            kind="text",
            title="What people call it in each group, whether they agree, and how many described it.",
        ),
    ) * has_names
    table = DataTable(
        name="features",
        caption="Features that rules use",
        columns=(
            TableColumn(key="picture", label="Picture", kind="picture"),
            TableColumn(key="feature", label="Feature", kind="link"),
            *names,
            TableColumn(
                key="modes",
                label="Failure modes",
                kind="count",
                starts="descending",
                title=meaning("failure_mode"),
            ),
            TableColumn(
                key="verified",
                label="Verified",
                kind="count",
                starts="descending",
                title=meaning("verified"),
            ),
            TableColumn(
                key="rules",
                label="Rules",
                kind="count",
                starts="descending",
                title="Rules that use the feature, failure modes or not.",
            ),
            TableColumn(key="classes", label="Groups", kind="text", title="The groups whose rules use it."),
        ),
        rows=links,
        filters=(
            Filter(key="feature", label="Feature contains", kind="contains"),
            *([Filter(key="names", label="Name contains", kind="contains")] * has_names),
            Filter(key="classes", label="Group contains", kind="contains"),
            Filter(key="verified", label="Verified ≥", kind="least"),
        ),
        sorted_by="verified",
        empty="No rule uses a feature: no group has a tree with a split.",
        noun="features",
    )
    site.tables[table.name] = table
    return SitePage(
        path="features/index.html",
        title="Features",
        section="Features",
        description=f"{counted(len(rows), 'feature')} that rules use, with pictures.",
        search="All features that rules use, with pictures.",
        template="pages/features.html",
        view=lambda: FeaturesView(table=table),
        crumbs=_UP[:1],
        data=("data/features.js",),
    )


def _as_int(cell: Cell) -> int:
    return cell if isinstance(cell, int) else 0


def _names(site: Site, feature_id: int) -> str | None:
    """What people call a feature, in whichever group, what more people said first."""
    found = [name for name in site.catalog.names_of_feature.get(feature_id, ()) if name.name]
    found.sort(key=lambda name: (-name.n_described, name.group_id))
    return ", ".join(dict.fromkeys(str(name.summary) for name in found)) or None


def _row(site: Site, feature_id: int) -> list[Cell]:
    rules = site.catalog.rules_of_feature.get(feature_id, ())
    modes = [rule for rule in rules if rule.is_failure_mode]
    tile = site.top_tile(feature_id)
    groups = [site.catalog.groups[group_id] for group_id in dict.fromkeys(rule.group_id for rule in rules)]
    names = ", ".join(group_short(group) for group in groups[:4])
    more = f" and {len(groups) - 4} more" if len(groups) > 4 else ""
    return [
        None if tile is None else Picture(tile.thumbnail, f"The image that activates feature {feature_id} most"),
        feature_id,
        len(modes),
        sum(rule.verdict == "verified" for rule in modes),
        len(rules),
        names + more,
    ]


def feature_pages(site: Site) -> Iterator[SitePage]:
    """One page per feature, in the order of the ids."""
    ids = site.catalog.feature_ids
    for i, feature_id in enumerate(ids):
        groups = _groups_of(site, feature_id)
        names = ", ".join(site.catalog.groups[g].name for g in groups[:20])
        n_rules = len(site.catalog.rules_of_feature.get(feature_id, ()))
        yield SitePage(
            path=site.feature_path(feature_id),
            title=_title(site, feature_id),
            section="Features",
            description=f"What feature {feature_id} responds to, and the rules that use it.",
            search=f"Feature {feature_id}, {_names(site, feature_id) or 'not named'}, "
            f"used by {counted(n_rules, 'rule')}: {names}",
            template="pages/feature.html",
            view=lambda feature_id=feature_id, groups=groups: _view(site, feature_id, groups),  # type: ignore[misc]
            headings=(
                Heading("Rules that use it", "rules"),
                Heading("From weak to strong", "distribution"),
                *([Heading("What it responds to", "triptychs")] if site.has_images else []),
            ),
            crumbs=_UP,
            previous=site.feature_link(ids[i - 1]) if i else None,
            next=site.feature_link(ids[i + 1]) if i + 1 < len(ids) else None,
            has_contents=True,
        )


def _title(site: Site, feature_id: int) -> str:
    """Feature 37, with its name where people agree on one or the owner has chosen it."""
    sure = [
        name
        for name in site.catalog.names_of_feature.get(feature_id, ())
        if name.name and (name.is_override or name.status == "agreed")
    ]
    best = max(sure, key=lambda name: (name.is_override, name.n_described, -name.group_id), default=None)
    return f"Feature {feature_id}" if best is None else f"Feature {feature_id}: {best.name}"


def _groups_of(site: Site, feature_id: int) -> list[int]:
    """The groups that a feature matters for, those of its most important rules first."""
    used = [rule.group_id for rule in site.catalog.rules_of_feature.get(feature_id, ())]
    return list(dict.fromkeys(used + site.catalog.tile_groups_of_feature.get(feature_id, [])))


def _view(site: Site, feature_id: int, groups: list[int]) -> FeatureView:
    rules = site.catalog.rules_of_feature.get(feature_id, ())
    found = (triptych(site, site.catalog.groups[group_id], feature_id) for group_id in groups)
    return FeatureView(
        feature_id=feature_id,
        names=tuple(
            (Link(images_of(group), site.group_path(group)), name)
            for name in site.catalog.names_of_feature.get(feature_id, ())
            if (group := site.catalog.groups.get(name.group_id)) is not None
        ),
        triptychs=tuple(view for view in found if view is not None),
        distributions=in_groups(site, feature_id, groups),
        everywhere=over_all(site, feature_id),
        failure_modes=tuple(_use(site, rule, feature_id) for rule in rules if rule.is_failure_mode),
        other_rules=tuple(_use(site, rule, feature_id) for rule in rules if not rule.is_failure_mode),
        json_path=f"features/{feature_id}/feature.json",
    )


def _use(site: Site, rule: Rule, feature_id: int) -> RuleUse:
    group = site.catalog.groups[rule.group_id]
    information, rank = site.catalog.mutual_information.get((group.group_id, feature_id), (None, None))
    return RuleUse(
        rule=rule,
        link=Link(rule_inequality(rule), site.rule_path(rule)),
        group=Link(group.name, site.group_path(group)),
        grouping=grouping_label(group),
        mutual_information=information,
        mutual_information_rank=rank,
    )
