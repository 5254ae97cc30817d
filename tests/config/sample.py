"""A small valid configuration, and functions that change and compile it."""

from aigw_extproc.config.compile.configuration import Configuration, compile_documents
from aigw_extproc.errors import ConfigError

FILE = "a.yaml"

ROUTE = """
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: route}
spec:
  rules:
    - matches: [{headers: [{name: x-ai-eg-model, value: nova}]}]
      backendRefs: [{name: service}]
"""
SERVICE = """
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: service}
spec:
  schema: {name: AWSBedrock}
  backendRef: {name: backend, kind: Backend, group: gateway.envoyproxy.io}
"""
POLICY = """
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: {name: policy}
spec:
  targetRefs: [{group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: service}]
  type: AWSCredentials
  awsCredentials: {region: us-east-1, credentialsFile: {secretRef: {name: secret}}}
"""
BACKEND = """
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: backend}
spec:
  endpoints: [{fqdn: {hostname: bedrock.example.com, port: 443}}]
"""
TLS = """
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: tls}
spec:
  targetRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: backend}]
  validation: {wellKnownCACertificates: System, hostname: bedrock.example.com}
"""
SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: secret}
stringData:
  credentials: |
    [default]
    aws_access_key_id = AKIDEXAMPLE
    aws_secret_access_key = canary-of-a-secret
"""
ALL = (ROUTE, SERVICE, POLICY, BACKEND, TLS, SECRET)


def join(*documents: str) -> str:
    return "\n---\n".join(documents)


def sample(*changes: tuple[str, str], without: tuple[str, ...] = (), more: tuple[str, ...] = ()) -> str:
    """Return the sample as text, with every (old, new) change made, and documents left out or added."""
    text = join(*(document for document in ALL if document not in without), *more)
    for old, new in changes:
        assert old in text, f"{old!r} is not in the sample"
        text = text.replace(old, new)
    return text


def compiled(text: str) -> Configuration:
    return compile_documents({FILE: text})


def problems(text: str, file: str = FILE) -> list[str]:
    """Return every problem of a text, without the file's name."""
    try:
        compile_documents({file: text})
    except ConfigError as error:
        return [str(problem).removeprefix(f"{file}: ") for problem in error.problems]
    return []
