"""An AWS credentials file, as it stands in a Secret, into credentials.

https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
No message here ever contains a value of the file.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator, Mapping
from typing import Final

from aigw_extproc.aws.identity import Credentials
from aigw_extproc.config.decode import suggestion
from aigw_extproc.config.findings import Place

_KEY_ID: Final = "aws_access_key_id"
_SECRET: Final = "aws_secret_access_key"  # noqa: S105 - the name of a setting
_TOKEN: Final = "aws_session_token"  # noqa: S105 - the name of a setting
_KNOWN: Final = (_KEY_ID, _SECRET, _TOKEN)

# They name another source of credentials, so leaving them out would sign as somebody else.
_OTHER_SOURCES: Final = re.compile(r"role_arn|source_profile|credential_.*|web_identity_.*|sso_.*|login_.*")

_HEADER_SAFE: Final = re.compile(r"[\x21-\x7e]+")


def parse_credentials(text: str, profile: str, place: Place) -> Credentials | None:
    """The credentials of one profile; None when there are none, with the reasons recorded at `place`."""
    parser = configparser.RawConfigParser(default_section="")
    try:
        parser.read_string(text)
    except configparser.Error as error:
        place.problem(f"not a valid credentials file{_line(error)}: {_reason(error)}")
        return None
    if not parser.has_section(profile):
        place.problem(f"the credentials file has no section [{profile}]{suggestion(profile, parser.sections())}")
        return None
    return _credentials(dict(parser.items(profile)), profile, place)


def _credentials(settings: Mapping[str, str], profile: str, place: Place) -> Credentials | None:
    where = f"in section [{profile}] of the credentials file"
    faults = list(_faults(settings))
    for fault in faults:
        place.problem(f"{where} {fault}")
    if faults:
        return None
    for name in settings.keys() - set(_KNOWN):
        place.ignore(f"{where} '{name}' has no effect")
    return Credentials(
        access_key_id=settings[_KEY_ID],
        secret_access_key=settings[_SECRET],
        session_token=settings.get(_TOKEN) or None,
    )


def _faults(settings: Mapping[str, str]) -> Iterator[str]:
    other = [name for name in settings if _OTHER_SOURCES.fullmatch(name)]
    for name in other:
        yield f"'{name}' is not supported yet"
    for name in (_KEY_ID, _SECRET):
        if not settings.get(name) and not other:
            yield f"'{name}' is missing{suggestion(name, settings.keys() - set(_KNOWN), cutoff=0.8)}"
    for name in _KNOWN:
        if settings.get(name) and not _HEADER_SAFE.fullmatch(settings[name]):
            yield f"'{name}' contains a space, a line break or another character that no credential has"


_REASONS: Final[dict[type[configparser.Error], str]] = {
    configparser.MissingSectionHeaderError: "a setting stands before any section such as [default]",
    configparser.DuplicateSectionError: "a section is written twice",
    configparser.DuplicateOptionError: "a setting is written twice",
}


def _reason(error: configparser.Error) -> str:
    # The exceptions' own texts quote the file.
    return _REASONS.get(type(error), "expected lines like 'name = value' below a section such as [default]")


def _line(error: configparser.Error) -> str:
    number = getattr(error, "lineno", None)
    if number is None and isinstance(error, configparser.ParsingError) and error.errors:
        number = error.errors[0][0]
    return f", line {number}" if number else ""
