"""Files from the web, whole or not at all."""

import time
from pathlib import Path

import requests
import urllib3
from tqdm import tqdm

from latentlab.errors import UserError

ATTEMPTS = 4
TIMEOUT = 20.0  # seconds without an answer or without a byte
CHUNK = 2**14
FINAL = {400, 401, 403, 404, 410}  # answers that another attempt would not change


class DownloadError(Exception):
    """A file that cannot be had; one line names its address and the reason."""


def download(url: str, path: Path, timeout: float = TIMEOUT, pause: float = 1.0) -> None:
    """Fetch `url` to `path`, unless that is there. What has arrived of a broken transfer is kept and continued.

    It tries four times, with a `pause` in seconds that doubles. Raises `DownloadError`, and `UserError` where it cannot
    be written.
    """
    if path.exists():
        return
    part = path.with_name(f"{path.name}.part")
    reason = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            _transfer(url, part, timeout)
            part.replace(path)
        except requests.HTTPError as error:
            reason = f"the server answered {error.response.status_code}"
            if error.response.status_code in FINAL:
                break
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            reason = _reason(error)
        except OSError as error:  # on this side: another attempt would not help
            raise UserError(f"{path}: cannot be written ({error.strerror})") from None
        else:
            return
    raise DownloadError(f"{url}: {reason}")


def _transfer(url: str, part: Path, timeout: float) -> None:
    """Append to `part` what it lacks."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-", "Accept-Encoding": "identity"} if have else {"Accept-Encoding": "identity"}
    with requests.get(url, headers=headers, stream=True, timeout=timeout) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            part.unlink()  # longer than the file on the server
            raise requests.ConnectionError("cannot be continued")
        answer.raise_for_status()
        resumed = answer.status_code == requests.codes.partial_content
        start = have if resumed else 0
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length else None
        with (
            part.open("ab" if resumed else "wb") as file,
            tqdm(total=total, initial=start, desc=part.stem, unit="B", unit_scale=True, disable=None) as bar,
        ):
            for chunk in answer.raw.stream(CHUNK, decode_content=False):
                file.write(chunk)
                bar.update(len(chunk))
    if total is not None and part.stat().st_size != total:
        raise requests.ConnectionError("the connection was cut off")


def _reason(error: Exception) -> str:
    if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError)):
        return "no answer in time"
    if isinstance(error, (requests.ConnectionError, urllib3.exceptions.HTTPError)):
        return "no connection, or one that was cut off"
    return " ".join(str(error).split())
