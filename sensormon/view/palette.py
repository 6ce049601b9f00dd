"""The colours of the two themes: grey, and red for what is abnormal.

The same as in .streamlit/config.toml.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Palette:
    """The colours of one theme, as CSS colours."""

    ground: str
    panel: str
    text: str
    secondary: str
    grid: str
    border: str
    line: str
    band: str
    anomaly: str
    uncertain: str
    interaction: str
    series: tuple[str, ...]  # tell lines in one chart apart, beside their numbers
    states: tuple[tuple[str, str], ...]  # of a state's band, and of the word in it; neither red nor amber

    @property
    def by_name(self) -> dict[str, str]:
        """The colours that stand alone, by their names: without the series and the states."""
        return {name: colour for name, colour in asdict(self).items() if isinstance(colour, str)}


LIGHT = Palette(
    ground="#F2F3F5",
    panel="#FFFFFF",
    text="#1F2328",
    secondary="#57606A",
    grid="#E7E9EC",
    border="#D5D9DE",
    line="#4A5560",
    band="rgba(74,85,96,0.12)",
    anomaly="#C62828",
    uncertain="#9A6700",
    interaction="#2457A6",
    series=("#4A5560", "#2457A6", "#7B4B94", "#1F7A8C", "#A0527A", "#111418"),
    states=(
        ("#8E97A1", "#1F2328"),
        ("#2457A6", "#FFFFFF"),
        ("#33172A", "#FFFFFF"),
        ("#515928", "#FFFFFF"),
        ("#4BA64B", "#1F2328"),
        ("#A97AD6", "#1F2328"),
        ("#7F3968", "#FFFFFF"),
        ("#1C3317", "#FFFFFF"),
    ),
)
DARK = Palette(
    ground="#14171A",
    panel="#1C2024",
    text="#E6E9EC",
    secondary="#9AA4AE",
    grid="#2A3036",
    border="#343A41",
    line="#B4BDC6",
    band="rgba(180,189,198,0.16)",
    anomaly="#FF6B61",
    uncertain="#E3B341",
    interaction="#7DA7F0",
    series=("#B4BDC6", "#7DA7F0", "#C39BD8", "#6CC3D5", "#E08FB5", "#FFFFFF"),
    states=(
        ("#7C8690", "#14171A"),
        ("#7DA7F0", "#14171A"),
        ("#E3E39A", "#14171A"),
        ("#7FE0D0", "#14171A"),
        ("#9CC77A", "#14171A"),
        ("#397F51", "#FFFFFF"),
        ("#974BA6", "#FFFFFF"),
        ("#6262D9", "#FFFFFF"),
    ),
)
