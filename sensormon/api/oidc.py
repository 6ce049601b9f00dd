"""What Streamlit's `st.login` needs to sign people in at an OpenID provider, from the settings."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from sensormon.api.auth import kept_secret
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings

FILE = "cookie_secret"
"""In the data folder: signs the cookie in which a browser keeps what the provider said."""
METADATA = "/.well-known/openid-configuration"


def secrets_for(settings: Settings) -> dict[str, Any] | None:
    """The secrets for `st.App`; None unless people sign in at a provider. Raises UsageError.

    `prompt` is set because strict providers refuse Streamlit's own choice.
    """
    if settings.access != "oidc":
        return None
    if find_spec("authlib") is None:
        raise UsageError(
            "the package Authlib is missing",
            where="SENSORMON_ACCESS=oidc",
            hint="Install it: pip install -r requirements.txt",
        )
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    url = settings.oidc_url.rstrip("/")
    return {
        "auth": {
            "redirect_uri": f"{settings.url}/oauth2callback",
            "cookie_secret": kept_secret(settings.data_dir / FILE),
            "client_id": settings.oidc_client_id,
            "client_secret": settings.oidc_client_secret,
            "server_metadata_url": url if url.endswith(METADATA) else url + METADATA,
            "client_kwargs": {"scope": "openid email profile", "prompt": "login"},
        }
    }
