"""A real nginx in front of a server, with its own folder and configuration, for tests."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

from tests.support.server import free_port, wait_for_port

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
"""The path of the program; None if it is not installed."""

_CONFIGURATION = """
daemon off;
{user}
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {target};
      proxy_http_version 1.1;
      {directives}
    }}
  }}
}}
"""
UPGRADE = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;"
"""The directives without which no WebSocket passes."""


class Nginx:
    """nginx that passes everything on to `target`; `stop` it yourself."""

    def __init__(self, folder: Path, target: str, directives: str = UPGRADE) -> None:
        assert NGINX is not None
        folder.mkdir(parents=True)
        folder.chmod(0o755)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        text = _CONFIGURATION.format(
            folder=folder, port=self.port, target=target, directives=directives, user=_user()
        )
        configuration = folder / "nginx.conf"
        configuration.write_text(text, encoding="utf-8")
        self.process = subprocess.Popen(
            [NGINX, "-p", str(folder), "-c", str(configuration), "-e", str(folder / "error.log")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.process, self.port, lambda: (folder / "error.log").read_text(encoding="utf-8"))

    def stop(self) -> None:
        """End it, with its workers."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def _user() -> str:
    """Its workers run as the service's account, as they do where it is installed; only root can choose."""
    if os.getuid() != 0:
        return ""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "user www-data;" if "www-data" in names else "user nobody;"
