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
# Codes of temporary errors.
PASSING = {"CLUSTER_UNAVAILABLE", "LIMIT_EXCEEDED", "RATE_LIMITED", "INTERNAL_SERVER_ERROR"}

SUBMIT = """
mutation ($input: SubmitJobInput!) {
  submitJob(input: $input) { job { id } userErrors { message } }
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
    """An error that a retry doesn't change."""


def ask(query, variables):
    """Returns the data of an answer; retries each second until there is one."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    body = json.dumps({"query": query, "variables": variables}).encode()
    while True:
        try:
            try:
                with urllib.request.urlopen(urllib.request.Request(URL, body, headers), timeout=60) as response:
                    answer = json.load(response)
            except urllib.error.HTTPError as error:
                answer = json.load(error)
            if "errors" not in answer:
                return answer["data"]
            error = answer["errors"][0]
            if error.get("extensions", {}).get("code") not in PASSING:
                raise Refused(error["message"])
        except (OSError, ValueError, http.client.HTTPException):
            pass  # The server is away, or went away while it answered.
        time.sleep(1)


def submit(project, cluster, command):
    """Submits a job and returns its id. With the key, a request that is retried submits it only once."""
    job = {"project": project, "cluster": cluster, "command": command, "idempotencyKey": str(uuid.uuid4())}
    answer = ask(SUBMIT, {"input": job})["submitJob"]
    if answer["job"] is None:
        raise Refused("\n".join(error["message"] for error in answer["userErrors"]))
    return answer["job"]["id"]


def follow(job_id):
    """Prints what a job writes until it is over and everything has been read. Returns the job."""
    out = err = 0
    told = None
    while True:
        job = ask(FOLLOW, {"id": job_id, "out": out, "err": err})["job"]
        line = f"[{job['state']}] {job['reason'] or ''}"
        if line != told:
            print(line, file=sys.stderr, flush=True)
            told = line
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
        # If any text came, there may be more already.
        if not any(log and log["text"] for log in (job["stdout"], job["stderr"])):
            time.sleep(1)


def main():
    if len(sys.argv) != 4 or not TOKEN:
        sys.exit("Usage: SLURMQL_TOKEN=… python3 submit_and_follow.py PROJECT CLUSTER COMMAND")
    try:
        job = follow(submit(*sys.argv[1:]))
    except Refused as error:
        sys.exit(str(error))
    sys.exit(1 if job["exitCode"] is None else job["exitCode"])


if __name__ == "__main__":
    main()
