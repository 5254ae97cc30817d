"""`check`: all errors with their places, and what has no effect."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import BACKEND, ROUTE, SECRET, Ended, aigw, usage_error

EXAMPLES = Path(__file__).parents[2] / "examples"

BROKEN = f"""\
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {{name: models}}
spec:
  rules:
    - matches: [{{headers: [{{name: x-ai-eg-model, valeu: nova}}]}}]
      backendRefs: [{{name: bedrock}}]
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {{name: others}}
spec: {{rules: [{{backendRefs: [{{name: nowhere}}]}}]}}
---
{BACKEND}---
{BACKEND.split("---")[0].replace("AWSBedrock", "OpenAI")}---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {{name: unsigned}}
spec:
  schema: {{name: AWSBedrock}}
  backendRef: {{name: bedrock, kind: Backend, group: gateway.envoyproxy.io}}
""".replace("{name: key}}}", "{name: lost}}}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "broken.yaml").write_text(BROKEN)
    (tmp_path / "route.yaml").write_text(ROUTE)
    (tmp_path / "backend.yaml").write_text(BACKEND)
    (tmp_path / "both").mkdir()
    (tmp_path / "both" / "route.yml").write_text(ROUTE)
    (tmp_path / "both" / "backend.yaml").write_text(BACKEND)
    (tmp_path / "empty").mkdir()
    return tmp_path


SERVED = {
    *("served   AIGatewayRoute         1 resource", "served   AIServiceBackend       1 resource"),
    *("served   BackendSecurityPolicy  1 resource", "served   Backend                1 resource"),
}
SECRETS = "served   Secret                 1 resource"
OK = "ok: 1 rule, 1 upstream, 1 model"


def checked(*arguments: str, cwd: Path) -> tuple[set[str], str]:
    """Return the rows of the table, and the last line."""
    ended = aigw("check", *arguments, cwd=cwd)
    assert (ended.code, ended.err) == (0, "")
    *rows, last = ended.out.splitlines()
    return set(rows), last


@pytest.mark.parametrize("name", ["aws.yaml", "aws-irsa.yaml", "aws-pod-identity.yaml"])
def test_the_examples_are_valid(name: str) -> None:
    assert aigw("check", EXAMPLES / name).out.splitlines()[-1] == "ok: 2 rules, 1 upstream, 2 models"


def test_several_files(folder: Path) -> None:
    assert checked("route.yaml", "backend.yaml", cwd=folder) == ({*SERVED, SECRETS}, OK)


def test_a_folder(folder: Path) -> None:
    assert checked("both", cwd=folder) == ({*SERVED, SECRETS}, OK)


def test_a_region_needs_no_file() -> None:
    assert aigw("check", "--region", "eu-west-1") == Ended(code=0, out="ok: 1 rule, 1 upstream, 0 models\n", err="")


def test_ignored_and_refused_resources_are_listed(folder: Path) -> None:
    (folder / "both" / "others.yaml").write_text(
        "{apiVersion: v1, kind: ServiceAccount, metadata: {name: gateway}}\n---\n"
        "{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: EnvoyProxy, metadata: {name: sidecars}}\n---\n"
        "{apiVersion: aigateway.envoyproxy.io/v1alpha1, kind: MCPRoute, metadata: {name: tools}}\n"
    )
    ended = aigw("check", "both", cwd=folder)
    assert [line.split(maxsplit=3) for line in ended.out.splitlines() if not line.startswith("served")] == [
        [
            *("ignored", "ServiceAccount", "default/gateway"),
            "credentials come from this process, by the AWS SDK's default chain (both/others.yaml)",
        ],
        ["ignored", "EnvoyProxy", "default/sidecars", "Envoy is configured by this program (both/others.yaml)"],
        [
            *("refused", "MCPRoute", "default/tools"),
            "MCP is not supported, so nothing would be served under this route (both/others.yaml)",
        ],
    ]
    assert (ended.code, ended.err.splitlines()[-1]) == (1, "1 problem in the configuration")


LIMITED = """---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: limits}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: models}]
  rateLimit: {global: {rules: [{limit: {requests: 1, unit: Hour}}]}}
"""


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), 0),
        (("--replicas", "2"), 1),
        (("--replicas", "2", "--limits", "a"), 1),
        (("--replicas", "2", "--limits", "redis://a"), 0),
    ],
)
def test_limits_of_several_gateways_need_one_place(folder: Path, options: tuple[str, ...], code: int) -> None:
    (folder / "both" / "limits.yaml").write_text(LIMITED)
    ended = aigw("check", "both", *options, cwd=folder)
    assert ended.code == code
    message = (
        "BackendTrafficPolicy default/limits: needs one place for the counts of 2 gateways: say --limits redis://HOST"
    )
    assert (message in ended.err) == bool(code)


def test_all_errors_of_an_invalid_file(folder: Path) -> None:
    ended = aigw("check", "broken.yaml", cwd=folder)
    assert (ended.code, "refused" in ended.out) == (1, False)
    *errors, count = ended.err.splitlines()
    assert [error.split(": ", 4) for error in errors] == [
        [
            "error",
            "broken.yaml",
            "AIGatewayRoute default/models",
            "spec.rules[0].matches[0].headers[0].valeu",
            "unknown field; did you mean 'value'?",
        ],
        [
            "error",
            "broken.yaml",
            "AIGatewayRoute default/models",
            "spec.rules[0].matches[0].headers[0].value",
            "required, but missing",
        ],
        [
            "error",
            "broken.yaml",
            "AIServiceBackend default/bedrock",
            "already defined differently in broken.yaml; rename or remove one",
        ],
        [
            "error",
            "broken.yaml",
            "BackendSecurityPolicy default/bedrock",
            "spec.awsCredentials.credentialsFile.secretRef.name",
            "there is no Secret 'default/lost'",
        ],
        [
            "error",
            "broken.yaml",
            "AIServiceBackend default/unsigned",
            "spec.schema.name",
            "AWSBedrock needs a BackendSecurityPolicy that names this AIServiceBackend in its targetRefs",
        ],
        [
            "error",
            "broken.yaml",
            "AIGatewayRoute default/others",
            "spec.rules[0].backendRefs[0].name",
            "there is no AIServiceBackend 'default/nowhere'",
        ],
    ]
    assert count == "6 problems in the configuration"


def test_a_missing_file(folder: Path) -> None:
    assert aigw("check", "route.yaml", "nothing.yaml", cwd=folder).err.splitlines()[-2:] == [
        "error: nothing.yaml: file: cannot be read: No such file or directory",
        "1 problem in the configuration",
    ]


def test_a_folder_without_resources(folder: Path) -> None:
    assert aigw("check", "empty", cwd=folder) == Ended(
        code=1,
        out="",
        err="error: empty: folder: no .yaml, .yml, .json file in this folder\n1 problem in the configuration\n",
    )


def test_an_unknown_region() -> None:
    assert aigw("check", "--region", "moon") == Ended(
        code=1,
        out="",
        err="error: command line: --region: 'moon' is not an AWS region, such as us-east-1\n"
        "1 problem in the configuration\n",
    )


@pytest.mark.parametrize("arguments", [(), ("--region", "us-east-1", "route.yaml")])
def test_no_source_or_two(arguments: tuple[str, ...], folder: Path) -> None:
    ended = aigw("check", *arguments, cwd=folder)
    assert usage_error(ended) == "Invalid value: give resource files or folders, or --region, and only one of them"


def test_a_damaged_secret_is_not_shown(folder: Path) -> None:
    damaged = BACKEND.replace("aws_access_key_id = AKIDOFTEST", SECRET)
    (folder / "both" / "backend.yaml").write_text(damaged)
    ended = aigw("check", "both", cwd=folder)
    assert ended.code == 1
    assert "Secret default/key: stringData.credentials" in ended.err


def test_brackets_and_colons_are_shown_as_they_are(folder: Path) -> None:
    assert aigw("check", "[red]:abc:.yaml", cwd=folder).err.splitlines()[0] == (
        "error: [red]:abc:.yaml: file: cannot be read: No such file or directory"
    )


def test_mounted_secrets(folder: Path) -> None:
    lost = folder / "lost.yaml"
    lost.write_text(BACKEND.partition("---\napiVersion: v1\nkind: Secret")[0])
    (folder / "mounts" / "key").mkdir(parents=True)
    (folder / "mounts" / "key" / "credentials").write_text(
        f"[default]\naws_access_key_id = AKIDOFTEST\naws_secret_access_key = {SECRET}\n"
    )
    assert checked("route.yaml", "lost.yaml", "--secrets-dir", "mounts", cwd=folder) == (SERVED, OK)
    assert aigw("check", "route.yaml", "lost.yaml", cwd=folder).err.splitlines()[0].endswith("no Secret 'default/key'")


def test_mounted_secrets_without_resources(folder: Path) -> None:
    ended = aigw("check", "--region", "us-east-1", "--secrets-dir", "mounts", cwd=folder)
    assert usage_error(ended) == "Invalid value: --secrets-dir needs resource files, whose Secrets it holds"
