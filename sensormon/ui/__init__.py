"""What the pages share: their frame with the status line, the viewer's time zone and colours, blocks.

The one room that knows Streamlit, beside `app.py` and `pages/`. It draws; sentences, tables and figures
come from `view`.
"""

from sensormon.ui.component import browser_component, copy_link
from sensormon.ui.drawing import chart, marked, not_done, not_readable, panel, picking_chart
from sensormon.ui.glossary import meaning, prose, term, with_terms
from sensormon.ui.head import anomalies_last_hour
from sensormon.ui.help import sending_line
from sensormon.ui.job_status import follow_job, job_line
from sensormon.ui.tables import chart_table
from sensormon.ui.viewer import Viewer
from sensormon.ui.zoom_chart import zoom_chart

__all__ = [
    "Viewer",
    "anomalies_last_hour",
    "browser_component",
    "chart",
    "chart_table",
    "copy_link",
    "follow_job",
    "job_line",
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
