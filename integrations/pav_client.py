"""Asks a pav server (`pav serve`) for the progress of the steps of traces. Needs Python alone.

PAV_URL is the server (http://127.0.0.1:8080), PAV_SERVE_KEY its key where it has one, PAV_PROVER the prover (the server's default).
"""

import json
import os
import time
import urllib.error
import urllib.request


def score_steps(samples, tries=6, timeout=180.0):
    """Scores many traces in one batch.

    samples: dicts with `prompt` (the problem's text, or messages), `response` (text), and `label` where the outcome is wanted.
    Returns one dict for each: `q0`, `q` (at the end), `outcome` (0, 1 or None), `steps`: dicts with `start`, `end` (characters of the
    response), `q` and `progress` in [-1, 1]. Waits and asks again where the server is busy or not there; a refusal is a RuntimeError.
    """
    url = os.environ.get("PAV_URL", "http://127.0.0.1:8080") + "/v1/steps"
    body = {"samples": samples}
    if prover := os.environ.get("PAV_PROVER"):
        body["prover"] = prover
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get("PAV_SERVE_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    for wait in [*(min(2**n, 30) for n in range(tries - 1)), None]:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=timeout) as reply:
                return json.load(reply)["data"]
        except urllib.error.HTTPError as error:
            if wait is None or (error.code < 500 and error.code != 429):
                raise RuntimeError(f"{url} refused ({error.code}): {error.read().decode(errors='replace')}") from error
        except OSError as error:
            if wait is None:
                raise RuntimeError(f"{url} cannot be reached: {error}") from error
        time.sleep(wait)


def text(prompt):
    """A prompt as JSON can carry it: text, or plain messages."""
    return prompt if isinstance(prompt, str) else [{"role": m["role"], "content": m["content"]} for m in prompt]
