"""Where the jump box leads: every class, other group, feature and failure mode by name.

A feature also goes by what people call it.
"""

from barlow_report.report.mode_words import mode_name
from barlow_report.report.pages import Site
from barlow_report.report.table_script import as_script_value

__all__ = ["jump_script"]


def jump_script(site: Site) -> str:
    """Return the data script of the jump box: pairs of a name and an address relative to the site's root."""
    catalog = site.catalog
    entries = [[c.name, site.class_path(c.class_id)] for c in catalog.classes.values()]
    entries += [[g.name, site.group_path(g)] for g in catalog.other_groups]
    for feature_id in catalog.feature_ids:
        names = dict.fromkeys(name.name for name in catalog.names_of_feature.get(feature_id, ()) if name.name)
        entries.append([f"feature {feature_id} {', '.join(names)}".rstrip(), site.feature_path(feature_id)])
    entries += [[mode_name(catalog.groups[r.group_id], r), site.mode_path(r)] for r in catalog.failure_modes()]
    return f"window.BARLOW_JUMP={as_script_value(entries)};\n"
