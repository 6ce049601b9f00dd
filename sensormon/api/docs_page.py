"""The page at /docs: Swagger UI from an installed package, so that it works without the internet."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from starlette.requests import Request
from starlette.staticfiles import StaticFiles

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sensormon API</title>
<link rel="stylesheet" href="{base}/docs/assets/swagger-ui.css">
<link rel="icon" href="{base}/docs/assets/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{base}/docs/assets/swagger-ui-bundle.js"></script>
<script src="{base}/docs/start.js"></script>
</body>
</html>
"""
# In a file of its own, since the pages' policy lets no inline script run.
_START = """// This viewer knows OpenAPI 3.0; what the routes use of 3.1 reads the same there.
fetch("openapi.json").then(answer => answer.json()).then(spec => SwaggerUIBundle({
  spec: {...spec, openapi: "3.0.3"}, dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis], persistAuthorization: false,
  syntaxHighlight: {activated: false}
}));
"""


def add_docs(api: FastAPI) -> None:
    """Add the page, and the files it loads, to this API."""
    vendor = Path(str(files("swagger_ui_bundle"))) / "vendor"
    (folder,) = vendor.glob("swagger-ui-*")
    api.mount("/docs/assets", StaticFiles(directory=folder), name="docs-assets")

    @api.get("/docs", include_in_schema=False)
    def docs(request: Request) -> HTMLResponse:
        """All routes, to read and to try."""
        base = request.scope.get("root_path", "").rstrip("/")
        return HTMLResponse(_PAGE.format(base=base))

    @api.get("/docs/start.js", include_in_schema=False)
    def start() -> Response:
        """The script that shows the description."""
        return Response(_START, media_type="text/javascript")
