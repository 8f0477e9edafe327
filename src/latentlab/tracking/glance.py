"""What a store holds, without MLflow, whose import and start take three seconds. Read only, and never the last word."""

import configparser
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import requests

from latentlab.tracking.access import options
from latentlab.tracking.place import Place
from latentlab.tracking.schema import read_tags

KEY = "latentlab.key"
KEYS = "latentlab.keys"  # the tag that says how keys are made; of other values are runs of older versions
CURRENT = "studies"
PAGE = "latentlab.page"  # the tag of a study's own run, with the MD5 of its page
SUPERSEDED = "superseded"
FINISHED = "FINISHED"  # the status of a run that holds a whole result, and of no other
TIMEOUT = 10.0  # seconds; whoever does not answer by then is asked again through MLflow


@dataclass(frozen=True)
class Held:
    """A run as a store has it."""

    status: str
    tags: Mapping[str, str]
    artifacts: str

    @property
    def outdated(self) -> bool:
        """Whether its key is of a kind that no result has any more, which it does not say yet."""
        return self.tags.get(KEYS) != CURRENT and SUPERSEDED not in self.tags

    def has_files(self, place: Place) -> bool:
        """Whether its files are where they belong. Those of a server are not looked at."""
        address = urlparse(self.artifacts)
        if address.scheme != "file":
            return True
        folder = Path(url2pathname(address.path))
        return folder.exists() and (place.artifacts is None or folder.is_relative_to(place.artifacts))


def glance(place: Place, study: str) -> dict[str, Held]:
    """The runs of a study by the key of their result, the oldest of several; empty if that is hard to tell."""
    held: dict[str, Held] = {}
    for run in _runs(place, study, KEY):
        if KEY in run.tags:
            held.setdefault(run.tags[KEY], run)
    return held


def held_page(place: Place, study: str) -> Held | None:
    """The study's own run, if there is one and that is easy to tell."""
    return next((run for run in _runs(place, study, PAGE) if PAGE in run.tags), None)


def _runs(place: Place, study: str, tag: str) -> list[Held]:
    """Those of a study, the oldest first; of a server those that have a tag."""
    try:
        if place.sqlite:
            return _from_database(place.sqlite, study)
        if place.uri.startswith(("http://", "https://")):
            return _from_server(place.uri.rstrip("/"), study, tag)
    except (sqlite3.Error, OSError, configparser.Error, KeyError, ValueError):  # `requests` raises OSErrors
        pass  # MLflow will say what is wrong
    return []


def _from_database(path: Path, study: str) -> list[Held]:
    if not path.exists():
        return []
    tags: dict[str, dict[str, str]] = {}
    about: dict[str, tuple[str, str]] = {}
    for run, status, artifacts, name, value in read_tags(path, study):
        about[run] = status, artifacts
        tags.setdefault(run, {})[name] = value
    return [Held(status, tags[run], artifacts) for run, (status, artifacts) in about.items()]


def _from_server(uri: str, study: str, tag: str) -> list[Held]:
    """MLflow's REST API, https://mlflow.org/docs/latest/rest-api.html."""
    api = f"{uri}/api/2.0/mlflow"
    who = options()
    answer = requests.get(f"{api}/experiments/get-by-name", {"experiment_name": study}, timeout=TIMEOUT, **who)
    answer.raise_for_status()
    query = {
        "experiment_ids": [answer.json()["experiment"]["experiment_id"]],
        "filter": f"tags.`{tag}` LIKE '%'",
        "max_results": 1000,
        "order_by": ["start_time"],
    }
    runs: list[Held] = []
    token = None
    while True:
        wanted = query | ({"page_token": token} if token else {})
        answer = requests.post(f"{api}/runs/search", json=wanted, timeout=TIMEOUT, **who)
        answer.raise_for_status()
        page = answer.json()
        for run in page.get("runs", []):
            tags = {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])}
            runs.append(Held(run["info"]["status"], tags, run["info"]["artifact_uri"]))
        if not (token := page.get("next_page_token")):
            return runs
