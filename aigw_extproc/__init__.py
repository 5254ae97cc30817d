"""OpenAI and Anthropic clients to AWS Bedrock, through a stock Envoy's external processing filter."""

try:
    # Written when the package is built or installed. importlib.metadata would add 0.1 s to every start.
    from aigw_extproc._version import __version__ as __version__
except ModuleNotFoundError:  # run from a source tree that is not installed
    __version__ = "0.0.0"
