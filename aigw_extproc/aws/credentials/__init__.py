"""Where credentials come from when the configuration does not hold them, and how they are kept fresh.

`sources` asks AWS and the machine, and blocks; `cache` keeps what was found, so that exchanges do not wait.
"""

from aigw_extproc.aws.credentials.cache import CredentialCache

__all__ = ["CredentialCache"]
