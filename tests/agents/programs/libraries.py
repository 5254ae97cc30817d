"""Libraries: each is used by a small program of `drivers/`, which has the same three tools in every one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.agents.folders import DRIVERS, Folder, Go, Here, Npm, Pip
from tests.agents.program import Command, Program, Task, Tools


def _tools(prefix: str = "") -> Tools:
    return Tools(
        read=lambda path: (f"{prefix}read_file", {"path": path}),
        edit=lambda path, old, new: (f"{prefix}edit_file", {"path": path, "old": old, "new": new}),
        run=lambda command: (f"{prefix}run", {"command": command}),
    )


TOOLS = _tools()
APIS = {
    "chat": "Chat Completions",
    "responses": "Responses",
    "messages": "Messages",
    "compatible": "Chat Completions, `openai-compatible`",
}
NO_MODELS = {"models": "it has no list of models"}
TRIES_FOR_MINUTES = {"limited": "it tries again for minutes"}
THREADS = frozenset({"aigw_thread_unsupported_request"})
"""`tool_runner` asks for a thread first, and goes on without when that is refused."""


def _env(task: Task, api: str) -> dict[str, str]:
    return {
        "AGENT_SCENARIO": task.scenario,
        "AGENT_GATEWAY": task.gateway,
        "AGENT_MODEL": task.model,
        "AGENT_PROMPT": task.prompt,
        "AGENT_API": api,
    }


def _python(driver: str, api: str) -> Callable[[Task], Command]:
    def start(task: Task) -> Command:
        return Command(argv=(str(task.folder / "bin/python"), str(DRIVERS / f"{driver}.py")), env=_env(task, api))

    return start


def _node(driver: str, api: str) -> Callable[[Task], Command]:
    def start(task: Task) -> Command:
        return Command(argv=(str(task.folder / "bin/node"), str(task.folder / f"{driver}.mjs")), env=_env(task, api))

    return start


def _binary(_driver: str, api: str) -> Callable[[Task], Command]:
    return lambda task: Command(argv=(str(task.folder / "agent"),), env=_env(task, api))


def _programs(
    start: Callable[[str, str], Callable[[Task], Command]],
    title: str,
    folder: Folder,
    driver: str,
    *apis: str,
    **more: Any,
) -> Iterator[Program]:
    """Yield a program for each of the APIs that a library can use."""
    for api in apis:
        name = folder.name if len(apis) == 1 else f"{folder.name}-{api}"
        yield Program(
            title=title,
            api=APIS[api],
            folder=folder,
            start=start(driver, api),
            **{"name": name, "tools": TOOLS, **more},
        )


OPENAI = Here("openai-python", ("openai",))
ANTHROPIC = Here("anthropic-python", ("anthropic",))
OPENAI_NODE = Npm("openai-node", ("openai",))
ANTHROPIC_NODE = Npm("anthropic-ts", ("@anthropic-ai/sdk",), ("zod",))
AI_SDK = Npm("ai-sdk", ("ai", "@ai-sdk/openai", "@ai-sdk/openai-compatible", "@ai-sdk/anthropic"), ("zod",))
AGENTS_JS = Npm("openai-agents-js", ("@openai/agents",), ("openai", "zod"))
LANGCHAIN_JS = Npm("langchain-js", ("langchain", "@langchain/openai", "@langchain/anthropic"), ("zod",))
AGENTS = Pip("openai-agents", ("openai-agents",))
LANGCHAIN = Pip("langchain", ("langchain", "langchain-openai", "langchain-anthropic"))
PYDANTIC_AI = Pip("pydantic-ai", ("pydantic-ai-slim[openai,anthropic]",))
LLAMA_INDEX = Pip("llama-index", ("llama-index-core", "llama-index-llms-openai-like", "llama-index-llms-anthropic"))
DSPY = Pip("dspy", ("dspy",))
SMOLAGENTS = Pip("smolagents", ("smolagents[openai]",))
KERNEL = Pip("semantic-kernel", ("semantic-kernel",))
FRAMEWORK = Pip("agent-framework", ("agent-framework-core", "agent-framework-openai"))
OPENAI_GO = Go("openai-go", "github.com/openai/openai-go/v3")
AUTOGEN = Pip("autogen", ("autogen-agentchat", "autogen-ext[openai]"))

PROGRAMS = (
    *_programs(_python, "openai, Python", OPENAI, "run_openai", "chat", "responses"),
    *_programs(_node, "openai, JavaScript", OPENAI_NODE, "run_openai", "chat", "responses"),
    *_programs(_python, "anthropic, Python", ANTHROPIC, "run_anthropic", "messages", handles=THREADS),
    *_programs(_node, "anthropic, TypeScript", ANTHROPIC_NODE, "run_anthropic", "messages", handles=THREADS),
    *_programs(_node, "AI SDK", AI_SDK, "run_ai_sdk", "responses", "chat", "compatible", "messages", lacks=NO_MODELS),
    *_programs(_node, "@openai/agents", AGENTS_JS, "run_openai_agents", "responses", "chat", lacks=NO_MODELS),
    *_programs(
        _node, "LangChain, JavaScript", LANGCHAIN_JS, "run_langchain", "chat", "responses", "messages", lacks=NO_MODELS
    ),
    *_programs(_python, "openai-agents", AGENTS, "run_openai_agents", "responses", "chat", lacks=NO_MODELS),
    *_programs(
        _python, "LangChain, Python", LANGCHAIN, "run_langchain", "chat", "responses", "messages", lacks=NO_MODELS
    ),
    *_programs(
        _python, "Pydantic AI", PYDANTIC_AI, "run_pydantic_ai", "chat", "responses", "messages", lacks=NO_MODELS
    ),
    *_programs(_python, "LlamaIndex", LLAMA_INDEX, "run_llama_index", "chat", lacks=NO_MODELS, name="llama-index-chat"),
    *_programs(
        _python,
        "LlamaIndex",
        LLAMA_INDEX,
        "run_llama_index",
        "messages",
        lacks={**NO_MODELS, **dict.fromkeys(("limited", "broken"), "it refuses names of models that it does not know")},
        model="claude-sonnet-4-5-20250929",
        name="llama-index-messages",
    ),
    *_programs(
        _python,
        "DSPy",
        DSPY,
        "run_dspy",
        "chat",
        lacks={**NO_MODELS, **dict.fromkeys(("loop", "cache"), "its agents call tools in text")},
    ),
    *_programs(_python, "smolagents", SMOLAGENTS, "run_smolagents", "chat", lacks={**NO_MODELS, **TRIES_FOR_MINUTES}),
    *_programs(
        _python,
        "Semantic Kernel",
        KERNEL,
        "run_semantic_kernel",
        "chat",
        "responses",
        lacks=NO_MODELS,
        tools=_tools("Workshop-"),
    ),
    *_programs(_python, "agent-framework", FRAMEWORK, "run_agent_framework", "responses", "chat", lacks=NO_MODELS),
    *_programs(_binary, "openai, Go", OPENAI_GO, "", "chat", name="openai-go-chat"),
    *_programs(
        _binary,
        "openai, Go",
        OPENAI_GO,
        "",
        "responses",
        name="openai-go-responses",
        lacks=dict.fromkeys(("loop", "cache"), "its loop was tried with Chat Completions"),
    ),
    *_programs(
        _binary,
        "anthropic, Go",
        Go("anthropic-go", "github.com/anthropics/anthropic-sdk-go/v2"),
        "",
        "messages",
        handles=THREADS,
    ),
    *_programs(_python, "AutoGen", AUTOGEN, "run_autogen", "chat", lacks=NO_MODELS),
)
