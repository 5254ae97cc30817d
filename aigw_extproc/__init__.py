"""OpenAI and Anthropic clients to AWS Bedrock, through a stock Envoy's external processing filter."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("aigw-extproc")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0.0.0"
