"""One self-contained HTML page: text, tables, pictures and sound, readable on a phone.

The one report builder: every report is a `Page` to which sections are added in reading order.
"""

from edgesynth.page.page import Page

__all__ = ["Page"]
