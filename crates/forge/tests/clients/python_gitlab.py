"""The official Python client of GitLab against our fake of that host, as `octokit.mjs` is for GitHub.

Prints one line of JSON a check, with `failed` where it failed; the test that starts this reads them.
"""

import json
import os
import sys

import gitlab

url, token, head = (os.environ[name] for name in ("FORGE_URL", "FORGE_TOKEN", "FORGE_HEAD"))
lab = gitlab.Gitlab(url, private_token=token, retry_transient_errors=False)
failures = 0
known = {}


def check(name):
    def run(action):
        global failures
        try:
            action()
            print(json.dumps({"check": name}))
        except Exception as error:  # Whatever it is, it is told.
            failures += 1
            print(json.dumps({"check": name, "failed": repr(error)}))

    return run


def refused(status, action):
    try:
        action()
    except gitlab.exceptions.GitlabError as error:
        assert error.response_code == status, error.response_code
        return str(error)
    raise AssertionError("it was not refused")


@check("who")
def _():
    lab.auth()
    assert lab.user.username == "errand-bot"


@check("refused")
def _():
    refused(401, gitlab.Gitlab(url, private_token="nobody").auth)


@check("project")
def _():
    known["project"] = lab.projects.get("acme/tools/widget")
    assert known["project"].default_branch == "main"
    assert known["project"].permissions["project_access"]["access_level"] == 30
    refused(404, lambda: lab.projects.get("acme/none"))


@check("branches")
def _():
    assert len(known["project"].branches.get(head).commit["id"]) == 40
    names = [branch.name for branch in known["project"].branches.list(per_page=1, iterator=True)]
    assert head in names and len(names) > 2, names


@check("compare")
def _():
    assert len(known["project"].repository_compare("main", head)["commits"]) == 1


@check("create")
def _():
    wish = {
        "source_branch": head,
        "target_branch": "main",
        "title": "Draft: Title",
        "description": "Body",
    }
    known["request"] = known["project"].mergerequests.create(wish)
    assert known["request"].draft and known["request"].state == "opened"
    said = refused(409, lambda: known["project"].mergerequests.create(wish))
    assert "already exists" in said, said
    none = {**wish, "source_branch": "none"}
    refused(422, lambda: known["project"].mergerequests.create(none))


@check("find")
def _():
    found = known["project"].mergerequests.list(source_branch=head, state="opened", get_all=True)
    assert [request.iid for request in found] == [known["request"].iid]


@check("update")
def _():
    request = known["request"]
    refused(405, request.merge)
    request.title = "New"
    request.labels = []
    request.save()
    assert not known["project"].mergerequests.get(request.iid).draft


@check("reviewers")
def _():
    rita = lab.users.list(username="rita", get_all=False)[0]
    changed = known["project"].mergerequests.update(
        known["request"].iid, {"reviewer_ids": [rita.id], "add_labels": "errand"}
    )
    assert [user["username"] for user in changed["reviewers"]] == ["rita"]
    assert changed["labels"] == ["errand"]


@check("notes")
def _():
    notes = known["request"].notes
    for number in range(7):
        notes.create({"body": f"Note {number}"})
    bodies = [note.body for note in notes.list(per_page=3, iterator=True)]
    assert bodies == [f"Note {number}" for number in range(7)], bodies
    note = notes.list(get_all=True)[0]
    note.body = "Edited"
    note.save()
    assert notes.list(get_all=True)[0].body == "Edited"


@check("discussions")
def _():
    assert len(known["request"].discussions.list(get_all=True)) == 7
    assert known["request"].approvals.get().approved_by == []


@check("statuses")
def _():
    commit = known["project"].commits.get(known["request"].sha, lazy=True)
    commit.statuses.create({"state": "pending", "name": "errand/gate"})
    refused(400, lambda: commit.statuses.create({"state": "pending", "name": "errand/gate"}))
    commit.statuses.create({"state": "success", "name": "errand/gate"})
    told = commit.statuses.list(get_all=True)
    assert [(status.name, status.status) for status in told] == [("errand/gate", "success")]


@check("members")
def _():
    rita = lab.users.list(username="rita", get_all=False)[0]
    assert known["project"].members_all.get(rita.id).access_level == 30
    refused(404, lambda: known["project"].members_all.get(999))


@check("files")
def _():
    path = ".gitlab/merge_request_templates"
    entries = known["project"].repository_tree(path=path, get_all=True)
    assert [entry["name"] for entry in entries] == ["Default.md"]
    file = known["project"].files.get(file_path=f"{path}/Default.md", ref="HEAD")
    assert file.decode() == b"## Why\n"


@check("issues")
def _():
    issue = known["project"].issues.get(int(os.environ["FORGE_ISSUE"]))
    assert (issue.title, issue.description, issue.state) == ("It crashes", "At once.", "opened")
    assert issue.author["username"] == "rita"
    issue.notes.create({"body": "Seen."})
    assert [note.body for note in issue.notes.list(get_all=True)] == ["Seen."]
    refused(404, lambda: known["project"].issues.get(999))


@check("jobs")
def _():
    commit = known["project"].commits.get(os.environ["FORGE_FAILED"], lazy=True)
    [told] = commit.statuses.list(name="build", get_all=True)
    assert told.status == "failed"
    assert known["project"].jobs.get(told.id, lazy=True).trace() == b"it broke here"


@check("merge")
def _():
    request = known["project"].mergerequests.get(known["request"].iid)
    refused(409, lambda: request.merge(sha="0" * 40))
    request.merge(sha=request.sha)
    assert known["project"].mergerequests.get(request.iid).state == "merged"


sys.exit(1 if failures else 0)
