"""OpenAI and Anthropic clients to AWS Bedrock, through a stock Envoy's external processing filter."""

try:
    # Written when the package is built or installed. To ask importlib.metadata costs every start 0.1 s.
    from aigw_extproc._version import __version__ as __version__
except ModuleNotFoundError:  # run from a source tree that was never installed
    __version__ = "0.0.0"
