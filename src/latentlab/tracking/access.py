"""Who calls a server of MLflow: what MLflow's variables say of it, read without MLflow, and kept out of messages."""

import base64
import configparser
import os
import re
from pathlib import Path
from typing import Any

USER = "MLFLOW_TRACKING_USERNAME"
PASSWORD = "MLFLOW_TRACKING_PASSWORD"
TOKEN = "MLFLOW_TRACKING_TOKEN"
FILE = Path(".mlflow/credentials")  # in the home folder
UNKNOWN = f"not authenticated, allowed: an account's {USER} and {PASSWORD}, or a {TOKEN}"

IN_WEB_ADDRESS = re.compile(r"(https?://[^\s/@:]*):[^\s/]*@")
IN_DATABASE_ADDRESS = re.compile(r"(?<!http)(?<!https)(://[^\s/@:]*):\S*@")  # a slash may be part of it
IN_QUERY = re.compile(r"(?<=[?&]password=)[^&\s]*")


def options() -> dict[str, Any]:
    """What a call by `requests` needs to be let in as MLflow's own calls are, but for signatures and plugins.

    Raises `configparser.Error` if MLflow's file of credentials is damaged.
    """
    user, password = _account()
    headers = {}
    if user and password:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    elif token := os.environ.get(TOKEN):
        headers["Authorization"] = f"Bearer {token}"
    insecure = os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1")
    return {
        "headers": headers,
        "verify": os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or not insecure,
        "cert": os.environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH"),
    }


def _account() -> tuple[str, str]:
    """Name and password, of the environment first."""
    file = configparser.ConfigParser()
    file.read(Path.home() / FILE)
    user, password = (
        os.environ.get(name) or file.get("mlflow", name.lower(), fallback=None) or "" for name in (USER, PASSWORD)
    )
    return user, password


def hidden(text: str) -> str:
    """A text without the passwords of the environment and of addresses."""
    for name in (PASSWORD, TOKEN):
        if secret := os.environ.get(name, "").strip():
            text = text.replace(secret, "***")
    text = IN_WEB_ADDRESS.sub(r"\1:***@", text)
    text = IN_DATABASE_ADDRESS.sub(r"\1:***@", text)
    return IN_QUERY.sub("***", text)
