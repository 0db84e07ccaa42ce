"""The gallery: its reports can be made and opened, and every number of its page is what they say."""

import re
import shutil
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from barlow_report.errors import SiteError
from barlow_report.manual import gallery
from barlow_report.manual.build import build_manual
from barlow_report.manual.gallery import Entry, compute_reports, with_reports
from barlow_report.pipeline import build_site
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from tests.lychee import complaints
from tests.manual.pages import README, Page, page

WORDS = {"both": 2, "three": 3, "six": 6, "seven": 7, "nine": 9, "eleven": 11, "fifteen": 15}
GALLERY = page("gallery")


class _Messages(SilentProgress):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def message(self, text: str) -> None:
        self.told.append(text)


def _said(pattern: str, *, of: Page = GALLERY) -> tuple[float, ...]:
    """The numbers that the page says, in figures or in words, where it says something once."""
    (found,) = re.finditer(pattern, " ".join(of.text.split()))
    return tuple(float(WORDS.get(word.lower(), word.replace(",", ""))) for word in found.groups())


def _overview(site: Path) -> str:
    """The text of a report's first page, with plain spaces."""
    html = (site / "index.html").read_text(encoding="utf-8")
    html = re.sub(r"<(script|style).*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).replace("\u202f", " ").split())


def _megabytes(site: Path) -> int:
    return round(sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) / 1e6)


def _verdicts(run: Run) -> Mapping[str, int]:
    return {str(verdict): int(n) for verdict, n in run.read_table("rules")["verdict"].value_counts().items()}


def _mode(run: Run, *, class_name: str, feature_id: int) -> Any:
    """The verified rule of one condition, feature ≤ threshold, among the images of a class."""
    classes, groups = run.read_table("classes").set_index("name")["class_id"], run.read_table("groups")
    (group_id,) = groups[(groups["grouping"] == "label") & (groups["class_id"] == classes[class_name])]["group_id"]
    conditions = run.read_table("conditions")
    alone = conditions.groupby("rule_id").filter(lambda rows: len(rows) == 1)
    asked = alone[(alone["feature_id"] == feature_id) & (alone["branch"] == "le")]["rule_id"]
    rules = run.read_table("rules")
    (rule,) = rules[(rules["group_id"] == group_id) & rules["rule_id"].isin(asked)].itertuples()
    assert rule.verdict == "verified"
    return rule


def _shares(rule: Any) -> tuple[float, float]:
    """Error rate and base rate as the page has them, in per cent."""
    return round(100 * rule.error_rate_held_out), round(100 * rule.base_error_rate_held_out)


# --- The numbers of each entry ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Run:
    runs = tmp_path_factory.mktemp("runs")
    run = gallery._digits(runs / "digits", SilentProgress())
    build_site(run.folder, site=runs / "site")
    return run


def test_the_page_says_what_is_found_among_digits(digits: Run) -> None:
    images, site = digits.read_table("images"), digits.folder.with_name("site")
    assert _said(r"# ([\d,]+) images of 8 × 8 pixels") == (len(images),)
    assert _said(r"# (\d+) % are right") == (round(100 * (images["label"] == images["prediction"]).mean()),)
    assert _said(r"(Nine) failure modes are verified") == (_verdicts(digits)["verified"],)
    row, column, *rates = _said(r"in row (\d+), column (\d+), about (\d+) % fail, instead of (\d+) % of all nines")
    (feature_id,) = _said(r"this pixel is feature (\d+),")
    assert feature_id == 8 * row + column
    assert tuple(rates) == _shares(_mode(digits, class_name="9", feature_id=int(feature_id)))
    assert _said(r"It has (\d+) MB") == (_megabytes(site),)


def test_ten_lines_of_python_find_what_the_report_says_of_digits(digits: Run) -> None:
    (code,) = GALLERY.of("python")
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the page's own
    verified = names["modes"][names["modes"]["verdict"] == "verified"]
    assert len(verified) == _verdicts(digits)["verified"]
    (nines,) = [
        row
        for row in verified.itertuples()
        if row.group == "9" and row.rule.startswith("pixel_4_6 ≤ ") and " and " not in row.rule
    ]
    assert (round(100 * nines.error_rate), round(100 * nines.base_error_rate)) == _shares(
        _mode(digits, class_name="9", feature_id=38)
    )


@pytest.mark.slow
def test_the_page_says_what_is_found_in_cifar10(
    shared_cifar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFAR10", str(shared_cifar))
    run = gallery._cifar10(tmp_path / "cifar10", SilentProgress())
    site = build_site(run.folder, site=tmp_path / "site").parent
    images, verdicts, overview = run.read_table("images"), _verdicts(run), _overview(site)
    assert _said(r"The ([\d,]+) test images") == (len(images),)
    (failing,) = _said(r"\. ([\d.]+) % of the images fail\.")
    assert failing == pytest.approx(100 * (images["label"] != images["prediction"]).mean(), abs=0.051)
    assert f"{failing} % of images fail." in overview
    assert _said(r"fail\. (\d+) failure modes are verified") == (verdicts["verified"],)
    covered, of_images = map(int, _said(r"they hold (\d+) % of the failures in (\d+) % of the images"))
    assert f"{covered} % of the failures in {of_images} % of the images" in overview
    feature_id, *rates = _said(r"trucks without feature (\d+), .*?, (\d+) % fail instead of (\d+) %")
    assert tuple(rates) == _shares(_mode(run, class_name="truck", feature_id=int(feature_id)))
    assert _said(r"(Six) more rules by prediction are \*not specific\*, (three) are") == (
        verdicts["not_of_class"],
        verdicts["real_but_small"],
    )
    assert _said(r"CIFAR-10's report: ([\d.]+) % of images fail, (\d+) known") == (failing, verdicts["verified"])
    assert _said(r"It takes a minute on two cores, and (\d+) MB") == (_megabytes(site),)
    assert _said(r"CIFAR-10's (\d+) MB", of=page("faq")) == (_megabytes(site),)


@pytest.mark.slow
def test_the_page_says_what_is_found_in_drawn_scenes(tmp_path: Path) -> None:
    run = gallery._demo(tmp_path / "demo", SilentProgress())
    site = build_site(run.folder, site=tmp_path / "site").parent
    images, planted = run.read_table("images"), run.read_table("planted")
    assert _said(r"([\d,]+) drawn scenes of (fifteen) classes") == (len(images), len(planted))
    found = planted[planted["outcome"] == "found"]
    with_cue, noisy = planted[planted["cue"] != ""], planted[planted["label_noise"] != ""]
    silent = planted[(planted["cue"] == "") & (planted["label_noise"] == "")]
    counts = ((found["cue"] != "").sum(), (found["label_noise"] != "").sum(), len(silent))
    assert (len(with_cue), len(noisy), silent["n_verified"].sum()) == (*counts[:2], 0)
    assert with_cue["n_with_cue"].sum() / with_cue["n_images"].sum() == pytest.approx(0.5, abs=0.05), "half lack it"
    what = (
        r"all (six) failure modes(?: that were planted)?, (both) kinds of label noise, and nothing in the (seven) other"
    )
    for written in (GALLERY, README):
        assert _said(what, of=written) == counts
        assert _said(r"accuracy, (eleven) known conditions", of=written) == (_verdicts(run)["verified"],)
    assert _said(r"about a minute on two cores, and (\d+) MB") == (_megabytes(site),)
    assert _said(r"The demo's has (\d+) MB", of=page("faq")) == (_megabytes(site),)


# --- Reports within the manual ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def manual(digits: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manual that has one of the three reports."""
    return build_manual(tmp_path_factory.mktemp("docs") / "a manual, zürich", reports={"digits": digits}).parent


def test_a_report_opens_from_the_gallery_and_leads_back(manual: Path) -> None:
    text = (manual / "gallery.html").read_text(encoding="utf-8")
    assert text.count('href="reports/digits/index.html"') == 2, "the link, and the picture"
    n_pages = len(list((manual / "reports" / "digits").rglob("*.html")))
    assert f"<span>{n_pages} pages, {_megabytes(manual / 'reports' / 'digits')} MB</span>" in text
    assert text.count("This manual was built without this report. What makes it stands below.") == 2
    for written in (manual / "reports").rglob("index.html"):
        root = "../" * (len(written.relative_to(manual / "reports" / "digits").parts) - 1)
        assert f'<a href="{root}../../gallery.html">Gallery</a>' in written.read_text(encoding="utf-8")


def test_an_independent_link_checker_finds_no_dead_link_in_manual_and_report(manual: Path) -> None:
    assert complaints(manual) == ""


def test_the_report_is_whole_and_version_control_is_told_once(manual: Path, digits: Run) -> None:
    alone = digits.folder.with_name("site")
    there = manual / "reports" / "digits"
    files = {path.relative_to(alone) for path in alone.rglob("*") if path.is_file()}
    assert {path.relative_to(there) for path in there.rglob("*") if path.is_file()} == files - {Path(".gitignore")}
    assert (manual / ".gitignore").is_file()


def test_a_manual_without_reports_has_no_link_to_one_and_says_nothing() -> None:
    assert with_reports(GALLERY.text, {}) == re.sub(r"<!-- report: \w+ -->\n", "", GALLERY.text)
    assert "`make gallery`" in GALLERY.text


def test_every_report_has_a_place_on_the_page_and_a_picture_that_leads_to_it() -> None:
    entries = {name: Entry(f"reports/{name}/index.html", "9 pages, 1 MB") for name in gallery.NAMES}
    text = with_reports(GALLERY.text, entries)
    for name in gallery.NAMES:
        assert f'<a href="reports/{name}/index.html">Open the report</a> <span>9 pages, 1 MB</span>' in text
        assert re.search(rf"^\[!\[[^]]+\]\([^)]+\)\]\(reports/{name}/index.html\)$", text, flags=re.MULTILINE)
    assert "without this report" not in text


def test_a_report_without_a_place_is_an_error() -> None:
    with pytest.raises(SiteError, match="<!-- report: other -->, found none"):
        with_reports(GALLERY.text, {"other": Entry("reports/other/index.html", "")})


def test_a_report_whose_images_are_missing_is_left_out_and_one_that_is_there_is_not_made_again(
    digits: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("digits", "digits-data"):
        shutil.copytree(digits.folder.with_name(name), tmp_path / name, copy_function=shutil.copy2)
    made = (tmp_path / "digits-data" / "pixels.npy").stat().st_mtime_ns
    monkeypatch.setenv("CIFAR10", str(tmp_path / "nowhere"))
    monkeypatch.setattr(gallery, "_REPORTS", {"cifar10": gallery._cifar10, "digits": gallery._digits})
    progress = _Messages()
    assert list(compute_reports(tmp_path, progress=progress)) == ["digits"]
    (why,) = [text for text in progress.told if "Left out" in text]
    assert "cifar10" in why
    assert f"{tmp_path / 'nowhere' / 'images'} is not there. Set CIFAR10" in why
    assert (tmp_path / "digits-data" / "pixels.npy").stat().st_mtime_ns == made
    assert "Rules are up to date" in progress.told
    assert "Pictures are up to date" in progress.told


@pytest.mark.browser
@pytest.mark.slow
def test_a_reader_goes_from_the_gallery_into_the_report_and_back(manual: Path, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800})
    tab = context.new_page()
    problems: list[str] = []
    tab.on("requestfailed", lambda request: problems.append(request.url))
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.goto((manual / "gallery.html").as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.click("text=Open the report")
    assert tab.title() == "Handwritten digits, naive Bayes"
    tab.click("nav.trail >> text=Gallery")
    assert tab.title().startswith("Gallery")
    tab.click(".manual a:has(img[alt^='Eight nines'])")
    assert tab.url.endswith("/reports/digits/index.html")
    context.close()
    assert problems == []
