"""Compilation of `--api-keys FILE`: one Secret with the API keys of all clients, for any configuration."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from aigw_extproc.config.compile.clients import secret_clients
from aigw_extproc.config.compile.configuration import Configuration
from aigw_extproc.config.policies import ApiKeys, Policy
from aigw_extproc.config.resources.catalog import Item, read
from aigw_extproc.config.resources.documents import parse
from aigw_extproc.config.resources.findings import Findings, Place
from aigw_extproc.config.resources.infrastructure import SecretResource
from aigw_extproc.config.snapshot import Rule

POLICY: Final = "--api-keys"
"""The name of this policy; those of resources have a namespace."""


def protect(configuration: Configuration, file: str, text: str) -> Configuration:
    """Return the configuration with the keys in `text`, needed for every rule that has no policy of its own.

    A Secret without entries is valid: nobody may come in, which is what revoking the last key asks for.

    Raises:
        ConfigError: with every problem of the file.
    """
    findings, snapshot = Findings(), configuration.snapshot
    secret = _secret(file, text, findings)
    clients = secret_clients(secret) if secret is not None else {}
    if snapshot.rules and not any(_is_open(rule) for rule in snapshot.rules):
        _command_line(findings).problem("without effect: SecurityPolicies protect every route already; remove one")
    if findings.problems:
        raise findings.in_file_order([file])
    policy = Policy(name=POLICY, keys=ApiKeys(clients=clients))
    rules = tuple(_protected(rule, policy) if _is_open(rule) else rule for rule in snapshot.rules)
    return replace(configuration, snapshot=replace(snapshot, rules=rules), files=(*configuration.files, file))


def _is_open(rule: Rule) -> bool:
    return rule.policy is None or rule.policy.open


def _protected(rule: Rule, policy: Policy) -> Rule:
    return replace(rule, policy=replace(policy, cors=rule.policy.cors if rule.policy is not None else None))


def _secret(file: str, text: str, findings: Findings) -> Item[SecretResource] | None:
    catalog = read(parse(file, text, findings), findings)
    secrets = list(catalog.all(SecretResource))
    if findings.problems:
        return None
    if len(secrets) != 1 or len(catalog.items) != 1 or findings.ignored:
        Place(findings=findings, file=file, resource="file").problem(
            "must hold one Secret and nothing else; `aigw-extproc keys create NAME --file FILE` writes it"
        )
        return None
    return secrets[0]


def _command_line(findings: Findings) -> Place:
    return Place(findings=findings, file="command line", resource=POLICY)
