"""Templates to HTML: everything is escaped, and a name that a template asks for must exist."""

import re
from pathlib import Path
from types import CodeType

import jinja2
import jinja2.bccache
import jinja2.runtime
from markupsafe import Markup, escape

from barlow_report import formatting
from barlow_report.errors import SiteError
from barlow_report.report import evidence, words
from barlow_report.report.cards import as_cards
from barlow_report.report.explanations import Explanations
from barlow_report.report.glossary import GLOSSARY, MEASURES
from barlow_report.report.histogram import HistogramDrawing
from barlow_report.report.media import MediaLibrary
from barlow_report.report.pages import Site, SitePage
from barlow_report.report.picture_records import Tile
from barlow_report.report.records import Estimate, Share
from barlow_report.report.slots import Block
from barlow_report.report.source import Profile
from barlow_report.report.tree import N_SHADES, shade

__all__ = ["Renderer", "templates_folder"]

_NOTHING = Markup('<span class="none">–</span>')
_FORMATS = (
    "activation",
    "change",
    "count",
    "counted",
    "interval",
    "number",
    "p_value",
    "percent",
    "ratio",
    "threshold",
)
_VARIABLE = re.compile(r"\b[A-Za-z]\b")
_MAX_STATIC_ROWS = 1000  # of a table that no script can page
_KNOWN_TEMPLATE = Path("pages") / "failure_modes.html"


def templates_folder() -> Path:
    """Return the folder of templates: inside the package when installed, beside it in a checkout.

    Raises:
        SiteError: Neither holds our templates.
    """
    package = Path(__file__).resolve().parent.parent
    candidates = [package / "templates", package.parent / "templates"]
    for folder in candidates:
        if (folder / _KNOWN_TEMPLATE).is_file():
            return folder
    places = " or ".join(str(folder) for folder in candidates)
    raise SiteError(f"templates not found, expected them in {places}. Install barlow-report again.")


class _Compiled(jinja2.BytecodeCache):
    """Compiled templates, kept for further sites of this process: compiling them takes half of a small site's time.

    All environments here have the same syntax, and filters that depend on nothing else.
    """

    def __init__(self) -> None:
        self.code: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        bucket.code = self.code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        if bucket.code is not None:
            self.code[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()


class Renderer:
    """The templates, with the formats of numbers and the pictures of one site at hand."""

    def __init__(self, templates: Path, *, site: Site, media: MediaLibrary, profile: Profile = "standalone") -> None:
        self.media = media
        self.profile = profile
        self.rules = site.catalog.rules_config
        self.explanations = Explanations(profile)
        self._enlarged = words.enlarged_words(site.info.get("enlarged_from")) if site.images == "full" else ""
        self.environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader([templates, *(lens.templates for lens, _ in site.lenses if lens.templates)]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            bytecode_cache=_COMPILED,
        )
        for name in _FORMATS:
            self.environment.filters[name] = getattr(formatting, name)
        self.environment.filters["share_text"] = words.share_text
        self.environment.filters["shade"] = shade
        self.environment.filters["formula"] = _formula
        self.environment.globals.update(
            site=site,
            profile=profile,
            catalog=site.catalog,
            rules_config=site.catalog.rules_config,
            picture=media.picture,
            block=self._block,
            img=self._img,
            zoom=self._zoom,
            heat=self._heat,
            bars=_bars,
            rate=self._rate,
            term=self.explanations.term,
            explain=self.explanations.explain,
            explain_beside=self.explanations.explain_beside,
            explain_sign=self._explain_sign,
            explanations=self.explanations.at_end,
            glossary=GLOSSARY,
            measures=MEASURES,
            has_scripts=profile in ("standalone", "mkdocs"),
            verdicts=evidence.VERDICTS,
            evidence=site.catalog.evidence,
            stability=evidence.stability_words,
            statuses=words.STATUSES,
            grouping_label=words.grouping_label,
            n_shades=N_SHADES,
            max_static_rows=_MAX_STATIC_ROWS,
        )

    @jinja2.pass_context
    def _block(self, context: jinja2.runtime.Context, block: Block) -> Markup:
        """Return a piece of a page that a lens adds."""
        template = self.environment.get_template(block.template)
        return Markup(template.render(page=context.get("page"), root=context["root"], view=block.view))  # noqa: S704

    @jinja2.pass_context
    def _img(self, context: jinja2.runtime.Context, name: str, alt: str, lazy: bool = True, look: str = "") -> Markup:
        """Return the element of a picture. Not a macro: pages have a hundred of them, and this is ten times as fast."""
        found = self.media.picture(name)
        if self._enlarged:
            self.explanations.note("Pictures", self._enlarged)
        classes, lazily = f' class="{look}"' if look else "", ' loading="lazy"' if lazy else ""
        return Markup(  # noqa: S704 - all but the alternative text is ours, and that is escaped
            f'<img src="{context["root"]}{found.path}" alt="{escape(alt)}" width="{found.width}" '
            f'height="{found.height}"{classes}{lazily} '
            'decoding="async">'
        )

    @jinja2.pass_context
    def _zoom(self, context: jinja2.runtime.Context, name: str, caption: str, inside: Markup) -> Markup:
        """Return a link that opens in the viewer; without script, it leads to the picture's own file."""
        return Markup(  # noqa: S704 - what is inside is markup already, and the caption is escaped
            f'<a class="zoom" href="{context["root"]}{self.media.picture(name).path}" '
            f'data-caption="{escape(caption)}">{inside}</a>'
        )

    @jinja2.pass_context
    def _heat(self, context: jinja2.runtime.Context, tile: Tile, alt: str, lazy: bool = True) -> Markup:
        """Return a photograph under its heatmap; without script it is a fixed overlay."""
        heatmap = self._img(context, tile.heatmap, "", lazy, "map") if tile.heatmap else ""
        return Markup(f'<span class="heat">{self._img(context, tile.thumbnail, alt, lazy)}{heatmap}</span>')  # noqa: S704

    def _rate(self, share: Share | Estimate, decimals: int = 1, mark: bool = True, is_rest: bool = False) -> Markup:
        """Return a share with its counts, its interval, and a mark where it rests on few images.

        An estimate has no counts.

        `mark` is False where a small count is no doubt about the number, as in a list of confusions; `is_rest` is of
        `formatting.percent`.
        """
        if share.value is None:
            self.explanations.note("–", "nothing to divide by")
            return _NOTHING
        text = formatting.percent(share.value, decimals=decimals, is_rest=is_rest)
        parts = [f'<span class="rate">{escape(text)} ']
        if isinstance(share, Share):
            parts.append(f"<small>{formatting.ratio(share.k, share.n)}</small>")
        if share.low is not None:
            self._explain_sign("interval")
            parts.append(f' <small class="ci">{formatting.interval(share.low, share.high)}</small>')
        least = self.rules.min_images
        if mark and share.n is not None and share.n < least:
            self._explain_sign("few")
            parts.append(f' <small class="few">n&nbsp;&lt;&nbsp;{least}</small>')
        parts.append("</span>")
        return Markup("".join(parts))  # noqa: S704 - numbers only

    def _explain_sign(self, sign: str) -> str:
        """Have the end of the page say what an interval is, or the mark of a rate over few images."""
        level, least = round(self.rules.confidence_level * 100), self.rules.min_images
        if sign == "interval":
            self.explanations.note("Ranges", f"beside a rate are its {level}{formatting.THIN_SPACE}% interval")
        else:
            self.explanations.note(f"n < {least}", f"fewer than {least} images to divide by: too few to rely on it")
        return ""

    def body(self, page: SitePage) -> str:
        """Return the content of a page, without the theme around it."""
        template = self.environment.get_template(page.template)
        self.explanations.clear()
        html = template.render(page=page, root=page.root, view=page.view())
        return html if self.profile == "techdocs" else as_cards(html)


def _formula(text: str) -> Markup:
    """Set the variables of a formula as such: single letters."""
    return Markup(_VARIABLE.sub(r"<var>\g<0></var>", str(escape(text))))  # noqa: S704 - escaped


def _bars(drawing: HistogramDrawing) -> Markup:
    """Return the bars of a histogram: hundreds of numbers a page, which need no escaping."""
    apart = drawing.apart
    bars = [*([apart.bar] if apart else []), *drawing.bars]
    drawn = "".join(
        f'<g><title>{b.title}</title><rect class="all" x="{b.x}" y="{b.y}" width="{b.width}" height="{b.height}"/>'
        f'<rect class="failures" x="{b.x}" y="{b.failures_y}" width="{b.width}" height="{b.failures_height}"/></g>'
        for b in bars
    )
    if apart and apart.is_cut:
        x, y = apart.bar.x, apart.bar.y + 10
        drawn += f'<path class="cut" d="M{x - 2} {y + 5}l{apart.bar.width + 4} -6"/>'
    return Markup(drawn)  # noqa: S704
