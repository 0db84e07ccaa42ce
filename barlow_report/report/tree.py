"""The error tree as a drawing: where its boxes and lines go, and what is written into them.

The numbers are those in evidence: counts on held-out images; or, where failures were shuffled, the estimated rates of
leaves. What lies between the root and the leaves has no estimate: it is shown as seen, and says so.

Drawn from left to right, so that a deep tree grows downwards, the way a page scrolls.
"""

from dataclasses import dataclass

from barlow_report.formatting import interval, ratio, threshold
from barlow_report.report.records import Estimate, Group, Node, Rule, Share

__all__ = ["N_SHADES", "DrawnEdge", "DrawnNode", "TreeDrawing", "draw_tree", "shade"]

N_SHADES = 9
"""Number of colours of the error-rate ramp; the stylesheet defines as many."""

_WIDTH, _HEIGHT = 224, 84
_GAP_X, _GAP_Y = 132, 14
_MARGIN = 3
_MAX_NAME = 14  # letters


@dataclass(frozen=True, kw_only=True)
class DrawnNode:
    """A box: its gauge is filled to `fill` of its height in colour `shade`.

    `error` and `coverage` are of `n_images` images, and `source` says which these are.
    """

    node: Node
    error: Share | Estimate
    coverage: Share | Estimate
    n_images: int
    source: str
    x: int
    y: int
    shade: int
    fill_y: float
    fill_height: float
    rule: Rule | None
    children: tuple["DrawnNode", ...]


@dataclass(frozen=True, kw_only=True)
class DrawnEdge:
    """A line from parent to child with its condition; thicker where more images go."""

    path: str
    width: float
    label_x: int
    label_y: int
    feature: str
    condition: str
    name: str | None


@dataclass(frozen=True, kw_only=True)
class TreeDrawing:
    """Boxes in depth-first order, lines, and the size of the whole; `note` says what the numbers are of."""

    width: int
    height: int
    node_width: int
    node_height: int
    nodes: tuple[DrawnNode, ...]
    edges: tuple[DrawnEdge, ...]
    note: str

    @property
    def root(self) -> DrawnNode:
        """The box of the root."""
        return self.nodes[0]


def shade(error_rate: float | None) -> int:
    """Return the colour of the ramp, 0 to N_SHADES − 1, for an error rate between 0 and 1."""
    return 0 if error_rate is None else min(int(error_rate * N_SHADES), N_SHADES - 1)


def draw_tree(group: Group) -> TreeDrawing | None:
    """Lay out the tree of a group; None where it has none."""
    if not group.nodes:
        return None
    children: dict[int, list[Node]] = {}
    for node in group.nodes:
        if node.parent_id is not None:
            children.setdefault(node.parent_id, []).append(node)
    layout = _Layout(group, children)
    root = layout.place(group.nodes[0])
    depth = max(node.depth for node in group.nodes)
    return TreeDrawing(
        width=2 * _MARGIN + (depth + 1) * _WIDTH + depth * _GAP_X,
        height=2 * _MARGIN + layout.n_leaves * (_HEIGHT + _GAP_Y) - _GAP_Y,
        node_width=_WIDTH,
        node_height=_HEIGHT,
        nodes=tuple(_walk(root)),
        edges=tuple(edge for node in _walk(root) for edge in _edges(node)),
        note=_note(group),
    )


_NOTES = {
    "held_out": "Numbers are of held-out images, which the tree was not fitted to.",
    "shuffles": "Rates of leaves are estimates; those of the other boxes are as seen when the tree was found.",
}


def _note(group: Group) -> str:
    estimated = any(rule.held_out is not None for rule in group.rules)
    return _NOTES["held_out"] if group.is_split else _NOTES["shuffles"] if estimated else ""


class _Layout:
    """Places leaves below one another and each inner node at the middle of its children."""

    def __init__(self, group: Group, children: dict[int, list[Node]]) -> None:
        self.children = children
        self.rules = {rule.node_id: rule for rule in group.rules}
        self.group = group
        self.n_leaves = 0

    def place(self, node: Node) -> DrawnNode:
        below = tuple(self.place(child) for child in self.children.get(node.node_id, ()))
        if below:
            y = (below[0].y + below[-1].y) // 2
        else:
            y = _MARGIN + self.n_leaves * (_HEIGHT + _GAP_Y)
            self.n_leaves += 1
        rule = self.rules.get(node.node_id)
        error, coverage, source = self._measure(node, rule)
        fill = round(min(coverage.value or 0.0, 1.0) * _HEIGHT, 1)
        return DrawnNode(
            node=node,
            error=error,
            coverage=coverage,
            n_images=_counted(self.group, node).n or 0,
            source=source,
            x=_MARGIN + node.depth * (_WIDTH + _GAP_X),
            y=y,
            shade=shade(error.value),
            fill_y=round(y + _HEIGHT - fill, 1),
            fill_height=fill,
            rule=rule,
            children=below,
        )

    def _measure(self, node: Node, rule: Rule | None) -> tuple[Share | Estimate, Share | Estimate, str]:
        """Error rate and coverage of a node in evidence, and of which images they are."""
        if rule is not None and isinstance(rule.best.error, Estimate):
            error = rule.best.error
            return error, rule.best.coverage, f"{interval(error.low, error.high)}, estimated"
        counted = _counted(self.group, node)
        base = self.group.base_held_out if self.group.is_split else self.group.base
        source = f"{ratio(counted.k, counted.n)} {'held-out ' if self.group.is_split else ''}images"
        is_between = rule is None and node.parent_id is not None and not self.group.is_split
        return counted, Share(counted.k, base.k), source + ", as seen" * is_between


def _counted(group: Group, node: Node) -> Share:
    """The failures among the images of a node that its numbers are of."""
    return node.error_held_out if group.is_split else node.error


def _walk(node: DrawnNode) -> list[DrawnNode]:
    return [node] + [found for child in node.children for found in _walk(child)]


def _shortened(name: str | None) -> str | None:
    """Cut a name to what fits between two boxes; the whole of it is in the list below the drawing."""
    return name if name is None or len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…"


def _edges(parent: DrawnNode) -> list[DrawnEdge]:
    edges = []
    x0, y0 = parent.x + _WIDTH, parent.y + _HEIGHT // 2
    for child in parent.children:
        y1 = child.y + _HEIGHT // 2
        bend = x0 + 26
        share = child.n_images / (parent.n_images or 1)
        sign = "≤" if child.node.branch == "le" else ">"
        edges.append(
            DrawnEdge(
                path=f"M{x0} {y0}C{bend} {y0} {x0} {y1} {bend} {y1}H{child.x}",
                width=round(1 + 7 * share, 1),
                label_x=x0 + 34,
                label_y=y1,
                feature=f"feature {parent.node.feature_id}",
                condition=f"{sign} {threshold(parent.node.printed)}",
                name=_shortened(parent.node.name),
            )
        )
    return edges
