"""The HTTP routes under /api, on the dashboard's own port."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import FastAPI, Response

from sensormon import __version__
from sensormon.runtime import monitor


def make_api() -> FastAPI:
    """The routes: /health (200, or 503 with what is wrong) and /stats (the ledger)."""
    api = FastAPI(title="sensormon", version=__version__, docs_url=None, redoc_url=None)

    @api.get("/health")
    def health(response: Response) -> dict[str, object]:
        """How the monitor is doing. 503 when something is wrong; `problems` says what."""
        status = monitor().status()
        if status.problems:
            response.status_code = 503
        return {
            "status": "failing" if status.problems else "ok",
            "problems": status.problems,
            "source": str(status.source.state),
            "store": str(status.store.state),
            "state": str(status.writing),
            "refused": status.source.refused,
            "dead_letters": asdict(status.dead_letters),
            "restarts": status.restarts,
            "data_age_seconds": status.data_age,
            "journal": asdict(status.journal),
        }

    @api.get("/stats")
    def stats() -> dict[str, object]:
        """The ledger: received = stored + rejected + dead_lettered + pending."""
        return monitor().ledger().to_dict()

    return api
