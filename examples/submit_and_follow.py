#!/usr/bin/env python3
"""Submits a job, prints its states, output and errors as they arrive, and exits with the job's exit code.

It polls once a second. When the server can't be reached for a while, it resumes exactly where it stopped. Needs only
Python 3.8 or later:

SLURMQL_URL=http://127.0.0.1:4000 SLURMQL_TOKEN=… python3 submit_and_follow.py PROJECT CLUSTER COMMAND
"""

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

URL = os.environ.get("SLURMQL_URL", "http://127.0.0.1:4000") + "/graphql"
TOKEN = os.environ.get("SLURMQL_TOKEN", "")
# Codes of temporary errors and userErrors (API.md).
PASSING = {
    "CLUSTER_UNAVAILABLE",
    "LIMIT_EXCEEDED",
    "RATE_LIMITED",
    "SERVER_BUSY",
    "REQUEST_TIMEOUT",
    "INTERNAL_SERVER_ERROR",
}

SUBMIT = """
mutation ($input: SubmitJobInput!) {
  submitJob(input: $input) { job { id } userErrors { message code } }
}
"""
FOLLOW = """
query ($id: ID!, $out: SafeInt!, $err: SafeInt!) {
  job(id: $id) {
    state reason exitCode isActive
    stdout: log(stream: STDOUT, offset: $out) { text endOffset isComplete }
    stderr: log(stream: STDERR, offset: $err) { text endOffset isComplete }
  }
}
"""


class Refused(Exception):
    """What asking again doesn't change."""


class Passing(Exception):
    """What asking again may change."""


told = None


def tell(line):
    """Prints each line once, however often it is told in a row."""
    global told
    if line != told:
        print(line, file=sys.stderr, flush=True)
    told = line


def failure(errors):
    """The exception for errors, of which each has a message and may have a code."""
    message = "\n".join(dict.fromkeys(error["message"] for error in errors))
    return (Passing if all(error.get("code") in PASSING for error in errors) else Refused)(message)


def ask(query, variables):
    """The data of an answer."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    body = json.dumps({"query": query, "variables": variables}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(URL, body, headers), timeout=60) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        answer = json.load(error)
    if "errors" in answer:
        raise failure([{**error, **error.get("extensions", {})} for error in answer["errors"]])
    return answer["data"]


def persist(attempt, *args):
    """What an attempt gives: again each second until it does, through whatever passes."""
    while True:
        try:
            return attempt(*args)
        # It isn't there, went away while it answered, or says that it can't now.
        except (OSError, ValueError, http.client.HTTPException, Passing) as error:
            tell(f"[waiting] {error}")
        time.sleep(1)


def submit(job):
    """The id of a new job."""
    answer = ask(SUBMIT, {"input": job})["submitJob"]
    if answer["job"] is None:
        raise failure(answer["userErrors"])
    return answer["job"]["id"]


def follow(job_id):
    """Prints what a job writes until it is over and all of it has been read; gives the job."""
    out = err = 0
    while True:
        job = persist(ask, FOLLOW, {"id": job_id, "out": out, "err": err})["job"]
        tell(f"[{job['state']}] {job['reason'] or ''}")
        is_read = True
        for log, target in ((job["stdout"], sys.stdout), (job["stderr"], sys.stderr)):
            if log is not None:
                target.write(log["text"])
                target.flush()
                is_read = is_read and log["isComplete"]
        out = job["stdout"]["endOffset"] if job["stdout"] else out
        err = job["stderr"]["endOffset"] if job["stderr"] else err
        if not job["isActive"] and is_read:
            return job
        # More is there already when what came was not nothing.
        if not any(log and log["text"] for log in (job["stdout"], job["stderr"])):
            time.sleep(1)


def main():
    if len(sys.argv) != 4 or not TOKEN:
        sys.exit("Usage: SLURMQL_TOKEN=… python3 submit_and_follow.py PROJECT CLUSTER COMMAND")
    project, cluster, command = sys.argv[1:]
    # The same key in each attempt: the job is submitted once, however often the request is sent.
    key = str(uuid.uuid4())
    wanted = {"project": project, "cluster": cluster, "command": command, "idempotencyKey": key}
    try:
        job = follow(persist(submit, wanted))
    except Refused as error:
        sys.exit(str(error))
    sys.exit(1 if job["exitCode"] is None else job["exitCode"])


if __name__ == "__main__":
    main()
