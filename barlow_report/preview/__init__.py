"""A preview of a run's site on this machine: built again when the run changes, and shown again in the browser.

`files` finds what a request names, and nothing outside of the site. `server` answers requests from this machine that
use its own name, so that no page of the web can read the preview under a name of its own (DNS rebinding). `watching`
builds the site. The standard library is enough: one person looks at it.
"""

from barlow_report.preview.server import PreviewServer
from barlow_report.preview.watching import Watcher

__all__ = ["PreviewServer", "Watcher"]
