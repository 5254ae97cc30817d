"""Coding agents: each with its own tools, on its command line."""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.agents.folders import DRIVERS, Npm, Pip
from tests.agents.program import Command, Program, Task, Tools

TRIES_FOR_MINUTES = {"limited": "it tries again for minutes"}
NO_MODELS = {"models": "it does not ask for a list of models"}
MCP_SERVER = str(DRIVERS / "mcp_server.py")


def _claude_code(task: Task) -> Command:
    servers = {"mcpServers": {"words": {"command": sys.executable, "args": [MCP_SERVER]}}}
    return Command(
        argv=(
            "claude",
            "--print",
            task.prompt,
            "--model",
            task.model,
            "--allowedTools",
            "Read,Edit,Bash,Agent,WebSearch,mcp__words__secret_word",
            "--mcp-config",
            json.dumps(servers),
        ),
        env={
            "ANTHROPIC_BASE_URL": task.gateway,
            "ANTHROPIC_AUTH_TOKEN": "unused",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "1",
        },
    )


def _codex(task: Task) -> Command:
    config = f"""\
model = "{task.model}"
model_provider = "gateway"

[model_providers.gateway]
name = "gateway"
base_url = "{task.gateway}/v1"
wire_api = "responses"
env_key = "GATEWAY_KEY"
request_max_retries = 1
stream_max_retries = 1

[mcp_servers.words]
command = "{sys.executable}"
args = ["{MCP_SERVER}"]
"""
    return Command(
        argv=("codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", task.prompt),
        env={"GATEWAY_KEY": "unused"},
        files={".codex/config.toml": config},
    )


def _opencode(package: str, **options: Any) -> Any:
    def start(task: Task) -> Command:
        provider = {
            "npm": package,
            "options": {"baseURL": f"{task.gateway}/v1", "apiKey": "unused"},
            "models": {task.model: options},
        }
        return Command(
            argv=("opencode", "run", "--model", f"gateway/{task.model}", "--title", "task"),
            stdin=task.prompt,
            files={
                ".config/opencode/opencode.json": json.dumps({"provider": {"gateway": provider}, "autoupdate": False})
            },
        )

    return start


def _pi(api: str, path: str) -> Any:
    def start(task: Task) -> Command:
        model = {
            "id": task.model,
            "reasoning": api != "openai-completions",
            "contextWindow": 200000,
            "maxTokens": 32000,
        }
        provider = {"baseUrl": f"{task.gateway}{path}", "api": api, "apiKey": "unused", "models": [model]}
        return Command(
            argv=("pi", "--print", "--provider", "gateway", "--model", task.model, task.prompt),
            env={"PI_OFFLINE": "1"},
            files={".pi/agent/models.json": json.dumps({"providers": {"gateway": provider}})},
        )

    return start


def _qwen(task: Task) -> Command:
    return Command(
        argv=("qwen", "--yolo", "--auth-type", "openai", "--model", task.model, "--prompt", task.prompt),
        env={"OPENAI_API_KEY": "unused", "OPENAI_BASE_URL": f"{task.gateway}/v1", "OPENAI_MODEL": task.model},
    )


def _cline(task: Task) -> Command:
    login = f"cline auth -p openai -k unused -m '{task.model}' -b {task.gateway}/v1"
    return Command(argv=("sh", "-c", f'{login} && exec cline "$0"', task.prompt))


def _continue(task: Task) -> Command:
    model = {
        "name": "gateway",
        "provider": "openai",
        "model": task.model,
        "apiBase": f"{task.gateway}/v1",
        "apiKey": "unused",
        "roles": ["chat"],
        "capabilities": ["tool_use"],
    }
    config = {"name": "gateway", "version": "1.0.0", "schema": "v1", "models": [model]}
    return Command(
        argv=("cn", "--print", "--auto", "--config", str(task.home / "config.yaml"), task.prompt),
        files={"config.yaml": json.dumps(config)},
    )


def _aider(task: Task) -> Command:
    return Command(
        argv=(
            *("aider", "--model", f"openai/{task.model}", "--message", task.prompt, "--yes-always", "--no-git"),
            *("--no-check-update", "--no-show-model-warnings", "--analytics-disable", "--edit-format", "diff"),
            *("--auto-test", "--test-cmd", "python3 main.py", "main.py"),
        ),
        env={"OPENAI_API_BASE": f"{task.gateway}/v1", "OPENAI_API_KEY": "unused"},
    )


def _block(old: str, new: str) -> str:
    """Return an edit in aider's words, as a JSON string."""
    return json.dumps(f"main.py\n```python\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n```\n")


def _edit(name: str, path_name: str, old_name: str, new_name: str) -> Any:
    return lambda path, old, new: (name, {path_name: path, old_name: old, new_name: new})


PROGRAMS = (
    Program(
        name="claude-code",
        title="Claude Code",
        api="Messages",
        folder=Npm("claude-code", ("@anthropic-ai/claude-code",)),
        start=_claude_code,
        tools=Tools(
            read=lambda path: ("Read", {"file_path": path}),
            edit=_edit("Edit", "file_path", "old_string", "new_string"),
            run=lambda command: ("Bash", {"command": command}),
            secret_word=("mcp__words__secret_word", {}),
            subagent=lambda prompt: ("Agent", {"description": "Answers", "prompt": prompt}),
            search=("WebSearch", {"query": "what Bedrock is"}),
        ),
        always_streams=True,
        lacks=NO_MODELS,
        drops=frozenset(
            {
                "anthropic-beta:claude-code-20250219",
                "anthropic-beta:context-management-2025-06-27",
                "anthropic-beta:prompt-caching-scope-2026-01-05",
                "anthropic-beta:thinking-token-count-2026-05-13",
                "context_management",
                "metadata",
            }
        ),
        handles=frozenset({"aigw_unknown_path"}),  # HEAD / asks whether there is a server
    ),
    Program(
        name="codex",
        title="Codex",
        api="Responses",
        folder=Npm("codex", ("@openai/codex",)),
        start=_codex,
        tools=Tools(
            read=lambda path: ("exec_command", {"cmd": f"cat {path}"}),
            edit=lambda path, old, new: ("exec_command", {"cmd": f"sed -i 's#{old}#{new}#' {path}"}),
            run=lambda command: ("exec_command", {"cmd": command}),
            secret_word=("mcp__words__secret_word", {}),
        ),
        drops=frozenset({"client_metadata", "prompt_cache_key", "tools:web_search"}),
        always_streams=True,
        lacks=NO_MODELS,
    ),
    *(
        Program(
            name=f"opencode-{name}",
            title="opencode",
            api=api,
            folder=Npm("opencode", ("opencode-ai",)),
            start=_opencode(package),
            tools=Tools(
                read=lambda path: ("read", {"filePath": path}),
                edit=_edit("edit", "filePath", "oldString", "newString"),
                run=lambda command: ("bash", {"command": command, "description": "Runs it"}),
            ),
            always_streams=True,
            lacks=NO_MODELS,
            drops=frozenset({"prompt_cache_key"} if name == "responses" else ()),
        )
        for name, api, package in (
            ("chat", "Chat Completions", "@ai-sdk/openai-compatible"),
            ("messages", "Messages", "@ai-sdk/anthropic"),
            ("responses", "Responses", "@ai-sdk/openai"),
        )
    ),
    *(
        Program(
            name=f"pi-{name}",
            title="pi",
            api=api,
            folder=Npm("pi", ("@mariozechner/pi-coding-agent",)),
            start=_pi(protocol, path),
            tools=Tools(
                read=lambda path: ("read", {"path": path}),
                edit=lambda path, old, new: ("edit", {"path": path, "edits": [{"oldText": old, "newText": new}]}),
                run=lambda command: ("bash", {"command": command}),
            ),
            always_streams=True,
            lacks=NO_MODELS,
            drops=frozenset({"prompt_cache_key"} if name == "responses" else ()),
        )
        for name, api, protocol, path in (
            ("chat", "Chat Completions", "openai-completions", "/v1"),
            ("messages", "Messages", "anthropic-messages", ""),
            ("responses", "Responses", "openai-responses", "/v1"),
        )
    ),
    Program(
        name="qwen-code",
        title="Qwen Code",
        api="Chat Completions",
        folder=Npm("qwen-code", ("@qwen-code/qwen-code",)),
        start=_qwen,
        tools=Tools(
            read=lambda path: ("read_file", {"file_path": path}),
            edit=_edit("edit", "file_path", "old_string", "new_string"),
            run=lambda command: ("run_shell_command", {"command": command, "is_background": False}),
        ),
        always_streams=True,
        lacks={**NO_MODELS, **TRIES_FOR_MINUTES},
    ),
    Program(
        name="cline",
        title="Cline",
        api="Chat Completions",
        folder=Npm("cline", ("cline",)),
        start=_cline,
        tools=Tools(
            read=lambda path: ("read_files", {"files": [{"path": path}]}),
            edit=_edit("editor", "path", "old_text", "new_text"),
            run=lambda command: ("run_commands", {"commands": [command]}),
        ),
        always_streams=True,
        lacks=NO_MODELS,
    ),
    Program(
        name="aider",
        title="aider",
        api="Chat Completions",
        folder=Pip("aider", ("aider-chat",)),
        start=_aider,
        tools=None,
        loop=(_block("print(1/0)", "print(1/x)"), _block("print(1/x)", "print(1/2)")),
        always_streams=True,
        lacks={**NO_MODELS, **TRIES_FOR_MINUTES},
    ),
    Program(
        name="continue",
        title="Continue",
        api="Chat Completions",
        folder=Npm("continue", ("@continuedev/cli",)),
        start=_continue,
        tools=Tools(
            read=lambda path: ("Read", {"filepath": path}),
            edit=lambda path, old, new: (
                "MultiEdit",
                {"file_path": path, "edits": [{"old_string": old, "new_string": new}]},
            ),
            run=lambda command: ("Bash", {"command": command}),
        ),
        always_streams=True,
        lacks={**NO_MODELS, **TRIES_FOR_MINUTES},
    ),
)
