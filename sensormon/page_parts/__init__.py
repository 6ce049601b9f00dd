"""What the pages share: the head with the status line, the viewer's zone and colours, blocks.

The one package beside `runtime` that knows Streamlit. It draws; the words come from
`status_words`, the figures from `charts`.
"""

from sensormon.page_parts.component import browser_component, copy_link
from sensormon.page_parts.drawing import SPANS, chart, marked, not_done, not_readable, panel, picking_chart
from sensormon.page_parts.glossary import meaning, prose, term, with_terms
from sensormon.page_parts.head import anomalies_last_hour, begin
from sensormon.page_parts.help import sending_line
from sensormon.page_parts.jobs import follow_job, job_line
from sensormon.page_parts.live_board import live_board
from sensormon.page_parts.tables import chart_table
from sensormon.page_parts.viewer import Viewer
from sensormon.page_parts.zoom_chart import zoom_chart

__all__ = [
    "SPANS",
    "Viewer",
    "anomalies_last_hour",
    "begin",
    "browser_component",
    "chart",
    "chart_table",
    "copy_link",
    "follow_job",
    "job_line",
    "live_board",
    "marked",
    "meaning",
    "not_done",
    "not_readable",
    "panel",
    "picking_chart",
    "prose",
    "sending_line",
    "term",
    "with_terms",
    "zoom_chart",
]
