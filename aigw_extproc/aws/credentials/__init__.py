"""Credentials that are not in the configuration.

`sources` gets them from AWS and this machine, and blocks; `cache` keeps and renews them, so that exchanges do not wait.
"""

from aigw_extproc.aws.credentials.cache import CredentialCache

__all__ = ["CredentialCache"]
