"""The other commands: errors of `run`, `envoy-config`, `simulator`, `version`, and help."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from aigw_extproc import __version__
from tests.cli.running import BACKEND, ROUTE, Ended, aigw, command, environment, taken_port, usage_error

COMMANDS = (
    *("run", "serve", "check", "explain", "doctor"),
    *("envoy-config", "simulator", "models", "prices", "keys", "version"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "all.yaml").write_text(f"{ROUTE}---\n{BACKEND}")
    (tmp_path / "route.yaml").write_text(ROUTE)
    return tmp_path


@pytest.mark.parametrize("arguments", [("route.yaml",), ("nothing.yaml",), ("--region", "moon")])
@pytest.mark.parametrize("name", ["run", "envoy-config"])
def test_an_invalid_configuration_has_the_same_errors_as_check(
    folder: Path, name: str, arguments: tuple[str, ...]
) -> None:
    expected = aigw("check", *arguments, cwd=folder)
    assert expected.code == 1
    assert aigw(name, *arguments, cwd=folder) == replace(expected, out="")


@pytest.mark.parametrize("option", ["--port", "--admin-port", "--simulator-port"])
def test_run_names_the_option_for_a_port_in_use(option: str) -> None:
    with taken_port() as port:
        options = {"--port": "0", "--admin-port": "0", option: str(port)}
        ended = aigw("run", *(word for pair in options.items() for word in pair))
    assert ended == Ended(code=1, out="", err=f"port {port} on 127.0.0.1 is in use; choose another with {option}\n")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("run", "--port", "99999"), "Invalid value for '--port': 99999 is not in the range 0<=x<=65535."),
        (("run", "--workers", "0"), "Invalid value for '--workers': 0 is not in the range x>=1."),
        (("simulator", "--port", "-1"), "Invalid value for '--port': -1 is not in the range 0<=x<=65535."),
        (
            ("serve", "--drain-seconds", "-1"),
            "Invalid value for '--drain-seconds': -1.0 is not in the range x>=0.",
        ),
        (("envoy-config", "--processor", "here"), "Invalid value: 'here' is not an address: write HOST:PORT or "),
        (
            ("envoy-config", "--snippet", "--processor-name", "here"),
            "Invalid value: --processor-name and --processor-client-cert need --processor-ca",
        ),
        (
            ("envoy-config", "--snippet", "--processor-client-key", "key.pem"),
            "Invalid value: --processor-client-cert and --processor-client-key need each other",
        ),
        (
            ("envoy-config", "--snippet", "--processor", "unix:///p.sock", "--processor-ca", "ca.pem"),
            "Invalid value: a socket has no host: give the name in its certificate ",
        ),
        (
            ("serve", "--region", "us-east-1", "--tls-client-ca", "ca.pem"),
            "Invalid value: --tls-cert and --tls-key need each other, and --tls-client-ca ",
        ),
        (("envoy-config", "--simulator", "here"), "Invalid value: 'here' is not an address: write HOST:PORT or "),
        (("bogus",), "No such command 'bogus'."),
        (("check", "--bogus"), "No such option '--bogus'."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_usage_errors(arguments: tuple[str, ...], error: str) -> None:
    assert usage_error(aigw(*arguments)).startswith(error)


# --- envoy-config -----------------------------------------------------------------------------------------------


def test_the_simulator_prints_its_address_and_ends_without_an_error() -> None:
    started = command("simulator", "--port", "0")
    with subprocess.Popen(started, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        ready = re.fullmatch(r"simulator: ready on (127\.0\.0\.1:\d+)\n", process.stdout.readline())
        assert ready
        assert httpx.get(f"http://{ready[1]}/simulator/health").json() == {"status": "ok"}
        process.terminate()
        assert process.wait(10) == 0


def test_a_simulator_on_a_port_in_use() -> None:
    with taken_port() as port:
        ended = aigw("simulator", "--port", str(port))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"cannot listen on 127.0.0.1:{port}: Address already in use")
    assert ended.err.endswith("; choose another port with --port\n")


# --- version and help -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("version",), ("--version",), ("-V",)])
def test_the_version(words: tuple[str, ...]) -> None:
    assert aigw(*words) == Ended(code=0, out=f"{__version__}\n", err="")


def test_help_lists_the_commands() -> None:
    ended = aigw("--help")
    assert (ended.code, ended.err) == (0, "")
    assert re.findall(r"^  ([a-z][a-z-]+)  ", ended.out, re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    ended = aigw(name, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert f" {name} " in ended.out.splitlines()[0]


@pytest.mark.parametrize("words", [(), ("serve",)])
def test_help_has_a_short_option(words: tuple[str, ...]) -> None:
    assert aigw(*words, "-h") == aigw(*words, "--help")


def test_lines_of_the_table_of_models_are_short() -> None:
    lines = aigw("models").out.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines.count("amazon.nova-") == 1
    assert "  tool_name_hyphens=false" in lines


def test_no_command_shows_the_help() -> None:
    ended = aigw()
    assert ended.code == 2
    assert "Usage: " in ended.out + ended.err


def test_shell_completion() -> None:
    script = Path(sys.executable).parent / "aigw-extproc"
    variables = environment(
        _AIGW_EXTPROC_COMPLETE="bash_complete", COMP_WORDS="aigw-extproc envoy-config --sn", COMP_CWORD="2"
    )
    done = subprocess.run([script], capture_output=True, text=True, env=variables, check=False)
    assert done.stdout.split() == ["plain,--snippet"]
