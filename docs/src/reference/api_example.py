"""Reads a trial over its API: who asks, where the trial stands, and the DLT status of every patient.

POSOLOGY_ADDRESS is what `posology serve` printed, POSOLOGY_TOKEN a token made on the page Account. Nothing but the
standard library of Python is needed.
"""

import json
import os
import urllib.error
import urllib.parse
import urllib.request

ADDRESS = os.environ.get("POSOLOGY_ADDRESS", "http://127.0.0.1:8037").rstrip("/")
TOKEN = os.environ["POSOLOGY_TOKEN"]


def ask(path, body=None, **query):
    """The answer as data; a problem is raised in the words of the trial."""
    address = f"{ADDRESS}/api/v1/{path}"
    if query:
        address += "?" + urllib.parse.urlencode(query)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(address, body, headers)) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        problem = json.load(error)
        raise RuntimeError(f"{problem['title']}: {problem['detail']}") from None


def patients():
    """Every patient, page by page."""
    after = {}
    while True:
        page = ask("patients", limit=10, **after)
        yield from page["patients"]
        if page["after"] is None:
            return
        after = {"after": page["after"]}


if __name__ == "__main__":
    me = ask("me")
    print(f"{me['user']} reads {me['trial']}")
    for cohort in ask("board")["cohorts"]:
        print(f"{cohort['id']}: {cohort['enrolled']} enrolled, {cohort['stands']}")
    for patient in patients():
        print(f"{patient['subject']}: {patient['dlt-status']}")
    # What recording a fact would do is asked without recording it.
    fact = {"type": "query-raised/1", "body": {"query": "Q-1", "subject": "CLR131-01-502", "text": "Which sample?"}}
    print(ask("events?dry-run=true", {"fact": fact})["canonical"])
    try:
        ask("patients/nobody")
    except RuntimeError as problem:
        print(problem)
