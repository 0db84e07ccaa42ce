"""What every page has, and where every page is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from barlow_report.chart import Chart
from barlow_report.report.catalog import Catalog
from barlow_report.report.datatable import DataTable, Link
from barlow_report.report.form import FormBatch
from barlow_report.report.picture_records import Tile
from barlow_report.report.records import Group, Rule
from barlow_report.report.slots import Heading
from barlow_report.report.source import ReportSource
from barlow_report.visible import visible

if TYPE_CHECKING:
    from barlow_report.lenses.lens import Lens

__all__ = ["Heading", "Site", "SitePage"]

Said = TypeVar("Said")


@dataclass(frozen=True, kw_only=True)
class SitePage:
    """One page: what the builder must know beforehand, and `view`, which makes the template's contract.

    The view is made when the page is written, so that only one page is in memory at a time.

    Attributes:
        path: Relative to the site's root; every page is an index.html, so links are right with and without
            directory addresses.
        section: Title of the entry in the navigation that this page belongs to.
        search: Text that the search finds the page by.
        crumbs: The pages above this one.
        data: Data scripts that the page loads, relative to the site's root.
        beside: Data scripts in the page's own folder. Pages of one kind call theirs the same.
        script: What reads them, relative to the site's root.
    """

    path: str
    title: str
    section: str
    description: str
    search: str
    template: str
    view: Callable[[], object]
    headings: tuple[Heading, ...] = ()
    crumbs: tuple[Link, ...] = ()
    previous: Link | None = None
    next: Link | None = None
    data: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    script: str = "assets/barlow/tables.js"
    has_contents: bool = False

    @property
    def root(self) -> str:
        """The way from this page to the site's root: empty, or ../ for each folder."""
        return "../" * self.path.count("/")

    @property
    def scripts(self) -> tuple[str, ...]:
        """What the page loads after the script that all pages have, in this order, relative to the page."""
        if not (self.data or self.beside):
            return ()
        return (*(f"{self.root}{path}" for path in self.data), *self.beside, f"{self.root}{self.script}")


@dataclass(frozen=True, kw_only=True)
class Site:
    """The whole run and the address of everything in it.

    Attributes:
        images: How much of the photographs is shown: full, blur or none.
        batch: What people are asked to describe; None: nothing.
        lenses: The lenses that the run has tables of, each with its view of them.
        tables: The tables of the pages, by name; each page that has one adds it.
        above: A page outside of the site, see `ReportSource`.
    """

    title: str
    description: str
    catalog: Catalog
    info: Mapping[str, object]
    charts: Mapping[str, Chart]
    images: str = "full"
    batch: FormBatch | None = None
    lenses: "tuple[tuple[Lens[Any], Any], ...]" = ()
    tables: dict[str, DataTable] = field(default_factory=dict)
    above: Link | None = None

    @classmethod
    def from_source(cls, source: ReportSource) -> "Site":
        """Read the tables and settle the words, and the order of failure modes."""
        lenses = tuple((lens, view) for lens in source.lenses if (view := lens.read(source)) is not None)
        rankings = tuple(found for lens, view in lenses if (found := lens.ranking(view)) is not None)
        return cls(
            title=visible(source.settings.title or str(source.info["name"])),
            description=visible(source.settings.description),
            catalog=Catalog(source, rankings=rankings),
            info=source.info,
            charts=source.charts,
            images=source.settings.images,
            batch=source.batch,
            lenses=lenses,
            above=None if source.above is None else Link(visible(source.above.text), source.above.path),
        )

    @property
    def has_images(self) -> bool:
        """Whether the run's images were there, and not only a table of what was predicted of them."""
        return self._data.get("images") != "none"

    @property
    def has_features(self) -> bool:
        """Whether there were features that failure modes could be looked for in."""
        return self.has_images or self._data.get("features") is not None

    @property
    def has_given_features(self) -> bool:
        """Whether images are shown whose features were given, so that no model drew heatmaps or attacks."""
        return self.has_images and self._data.get("features") is not None

    @property
    def has_failures_alone(self) -> bool:
        """Whether each row of a table of predictions is a failure, so that rates say nothing of the model."""
        failures = self.catalog.images.failures
        return not self.has_images and bool(failures.n) and failures.k == failures.n

    @property
    def _data(self) -> Mapping[str, object]:
        config = self.info.get("config")
        data = config.get("data") if isinstance(config, Mapping) else None
        return data if isinstance(data, Mapping) else {}

    def ask(self, place: "Callable[[Lens[Any], Any], Said | None]") -> "tuple[Said, ...]":
        """Ask every lens what it has to say at a place; `place` calls one of its methods with the lens's view."""
        return tuple(answer for lens, view in self.lenses if (answer := place(lens, view)))

    def offers(self, name: str) -> bool:
        """Whether a lens gives the file `name` below `data/` to take away."""
        return any(name in lens.downloads(self, view) for lens, view in self.lenses)

    def class_path(self, class_id: int) -> str:
        """Page of a class."""
        return f"classes/{quote(self.catalog.classes[class_id].slug)}/index.html"

    def class_name(self, class_id: int) -> str:
        """Name of a class."""
        return self.catalog.classes[class_id].name

    def class_link(self, class_id: int) -> Link:
        """Name and page of a class."""
        return Link(self.class_name(class_id), self.class_path(class_id))

    def group_page(self, group: Group) -> str:
        """Page that a group is on."""
        return f"groups/{group.group_id}/index.html" if group.class_id is None else self.class_path(group.class_id)

    @staticmethod
    def group_anchor(group: Group) -> str:
        """Anchor of a group on its page."""
        return f"group-{group.group_id}"

    def group_path(self, group: Group) -> str:
        """Page and anchor of a group."""
        return f"{self.group_page(group)}#{self.group_anchor(group)}"

    def rule_path(self, rule: Rule) -> str:
        """Page and anchor of a rule."""
        return f"{self.group_page(self.catalog.groups[rule.group_id])}#rule-{rule.rule_id}"

    @staticmethod
    def mode_path(rule: Rule) -> str:
        """Page of a failure mode, with all of its images."""
        return f"failure-modes/{rule.rule_id}/index.html"

    @staticmethod
    def feature_path(feature_id: int) -> str:
        """Page of a feature."""
        return f"features/{feature_id}/index.html"

    def feature_link(self, feature_id: int) -> Link:
        """Name and page of a feature."""
        return Link(f"feature {feature_id}", self.feature_path(feature_id))

    def top_tile(self, feature_id: int, group_id: int | None = None) -> Tile | None:
        """The image that activates a feature most: in one group, or in that of its most important rule."""
        if group_id is not None:
            tiles = self.catalog.tiles.get((group_id, feature_id), ())
            return tiles[0] if tiles else None
        rules = self.catalog.rules_of_feature.get(feature_id, ())
        candidates = [rule.group_id for rule in rules] + self.catalog.tile_groups_of_feature.get(feature_id, [])
        found = (self.top_tile(feature_id, candidate) for candidate in candidates)
        return next((tile for tile in found if tile is not None), None)
