"""Parsing of an AWS credentials file in a Secret.

https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
No message contains a value of the file.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from aigw_extproc.aws.identity import Credentials, Profile
from aigw_extproc.aws.names import is_external_id, is_placeholder, is_role_arn, is_session_name
from aigw_extproc.config.resources.decode import suggestion
from aigw_extproc.config.resources.findings import Place

_KEY_ID: Final = "aws_access_key_id"
_SECRET: Final = "aws_secret_access_key"  # noqa: S105 - the name of a setting
_TOKEN: Final = "aws_session_token"  # noqa: S105 - the name of a setting
_KEYS: Final = (_KEY_ID, _SECRET, _TOKEN)

_BASES: Final = ("source_profile", "credential_source", "web_identity_token_file")
_ROLE: Final = ("role_arn", *_BASES, "external_id", "role_session_name", "duration_seconds")

# They name another source of credentials, so ignoring them would sign with the wrong identity.
_REFUSED: Final[dict[str, str]] = {
    "credential_process": "would let the author of the Secret run programs here",
    "mfa_serial": "requires a person to enter a code",
}
_LOGIN: Final = re.compile(r"(?:sso|login)_[a-z_]+")
_WITHOUT_EFFECT: Final = (*_ROLE, "cli_pager", "endpoint_url", "output", "region", "s3", "services")
"""Settings that may be named in a message: any other could be a part of a secret."""
_SOURCES: Final = ("Environment", "Ec2InstanceMetadata", "EcsContainer")
_DURATION: Final = range(900, 43201)

_HEADER_SAFE: Final = re.compile(r"[\x21-\x7e]+")

_Profiles = Mapping[str, Mapping[str, str]]


def parse_credentials(text: str, profile: str, place: Place) -> Credentials | Profile | None:
    """Return the keys of one profile, or the profile itself if it names a role.

    None if it is neither, with the problems recorded at `place`.
    """
    parser = configparser.RawConfigParser(default_section="")
    try:
        parser.read_string(text)
    except configparser.Error as error:
        place.problem(f"not a valid credentials file{_line(error)}: {_reason(error)}")
        return None
    if not parser.has_section(profile):
        place.problem(f"the credentials file has no section [{profile}]{suggestion(profile, parser.sections())}")
        return None
    profiles = {name: dict(parser.items(name)) for name in parser.sections()}
    return _source(profiles, profile, text, place)


def _source(profiles: _Profiles, profile: str, text: str, place: Place) -> Credentials | Profile | None:
    faults = list(_chain_faults(profiles, profile))
    for fault in faults:
        place.problem(fault)
    if faults:
        return None
    for section, values in profiles.items():
        for name in _KEYS:
            if is_placeholder(values.get(name, "")):
                place.warn(f"in section [{section}] of the credentials file '{name}' is a placeholder; fill it in")
    settings = profiles[profile]
    role = _names_role(settings)
    for name in settings.keys() - set(_ROLE + _KEYS if role else _KEYS):
        shown = f"'{name}'" if name in _WITHOUT_EFFECT else "a setting"
        place.ignore(f"in section [{profile}] of the credentials file {shown} has no effect")
    if role:
        return Profile(file=text, name=profile)
    return Credentials(
        access_key_id=settings[_KEY_ID],
        secret_access_key=settings[_SECRET],
        session_token=settings.get(_TOKEN) or None,
    )


def _chain_faults(profiles: _Profiles, profile: str) -> Iterator[str]:
    """Yield the faults of a profile and of its chain of source profiles."""
    seen: list[str] = []
    while profile not in seen:
        seen.append(profile)
        prefix = f"in {_shown(profile, seen)} of the credentials file"
        settings = profiles[profile]
        faults = list(_role_faults(settings, profiles) if _names_role(settings) else _key_faults(settings))
        yield from (f"{prefix} {fault}" for fault in [*_refused(settings), *faults])
        following = settings.get("source_profile") if not faults else None
        if following is None:
            return
        profile = following
    # A profile may be its own source: then its role is assumed with its own keys.
    if profile != seen[-1]:
        yield f"in {_shown(seen[-1], seen)} of the credentials file 'source_profile' leads back to an earlier section"
    elif faults := list(_key_faults(profiles[profile])):
        yield from (f"in {_shown(profile, seen)} of the credentials file {fault}" for fault in faults)


def _shown(profile: str, seen: list[str]) -> str:
    """Return the name of the configured profile, not of others: only the Secret has them."""
    return f"section [{profile}]" if profile == seen[0] else f"the source of section [{seen[0]}]"


def _names_role(settings: Mapping[str, str]) -> bool:
    return any(name in settings for name in _ROLE)


def _refused(settings: Mapping[str, str]) -> Iterator[str]:
    for name in settings:
        if name in _REFUSED:
            yield f"'{name}' is not supported: it {_REFUSED[name]}"
        elif _LOGIN.fullmatch(name):
            yield f"'{name}' is not supported: it requires a person to log in"


def _key_faults(settings: Mapping[str, str]) -> Iterator[str]:
    for name in (_KEY_ID, _SECRET):
        if not settings.get(name) and not any(_refused(settings)):
            yield f"'{name}' is missing{suggestion(name, settings.keys() - set(_KEYS), cutoff=0.8)}"
    for name in _KEYS:
        if settings.get(name) and not _HEADER_SAFE.fullmatch(settings[name]):
            yield f"'{name}' contains a space, a line break or another invalid character"


def _role_faults(settings: Mapping[str, str], profiles: _Profiles) -> Iterator[str]:
    if "role_arn" not in settings:
        yield "'role_arn' is missing next to other settings of a role"
    bases = [name for name in _BASES if name in settings]
    if len(bases) != 1:
        actual = f"there are {' and '.join(map(repr, bases))}" if bases else "there is none"
        yield f"a role needs one of {', '.join(map(repr, _BASES))}, but {actual}"
    base = settings.get("source_profile")
    if base is not None and base not in profiles:
        yield "'source_profile' names a section that is not in this file"
    for name, (is_right, expected) in _CHECKS.items():
        if name in settings and not is_right(settings[name]):
            yield f"'{name}' must be {expected}"


def _is_duration(text: str) -> bool:
    return text.isdecimal() and len(text) < 20 and int(text) in _DURATION


_CHECKS: Final[dict[str, tuple[Callable[[str], bool], str]]] = {
    "role_arn": (is_role_arn, "the ARN of a role, such as arn:aws:iam::111122223333:role/bedrock"),
    "credential_source": (_SOURCES.__contains__, f"one of {', '.join(_SOURCES)}"),
    "web_identity_token_file": (bool, "the path of a file"),
    "external_id": (is_external_id, "2 to 1224 letters, digits or characters of _+=,.@:/-"),
    "role_session_name": (is_session_name, "2 to 64 letters, digits or characters of _+=,.@-"),
    "duration_seconds": (_is_duration, "between 900 and 43200"),
}

_REASONS: Final[dict[type[configparser.Error], str]] = {
    configparser.MissingSectionHeaderError: "a setting before the first section, such as [default]",
    configparser.DuplicateSectionError: "duplicate section",
    configparser.DuplicateOptionError: "duplicate setting",
}


def _reason(error: configparser.Error) -> str:
    # The texts of the exceptions quote the file.
    return _REASONS.get(type(error), "expected lines like 'name = value' in a section such as [default]")


def _line(error: configparser.Error) -> str:
    number = getattr(error, "lineno", None)
    if number is None and isinstance(error, configparser.ParsingError) and error.errors:
        number = error.errors[0][0]
    return f", line {number}" if number else ""
