# Targets: `aigw-extproc` (the default) is the processor, with only what `serve` needs; `simulator` replaces Bedrock;
# `envoy-config` prints Envoy's configuration. See docs/docker.md.

# By digest, for the same image every time: --build-arg PYTHON_IMAGE=python:3.12-slim@sha256:…
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS dependencies
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# Without pip, so that the images do not contain it either. Packages are compiled here, since the file system is read-only later.
RUN python -m venv --without-pip /opt/aigw
COPY pyproject.toml constraints.txt README.md LICENSE ./
# An empty package first: dependencies are then a separate layer, which a change of the code does not invalidate.
RUN mkdir aigw_extproc && touch aigw_extproc/__init__.py \
    && pip --python /opt/aigw/bin/python install --only-binary :all: -c constraints.txt '.[cel,kubernetes,otel,redis]' \
    # Of AWS's 400 services keep those that provide credentials, and Bedrock's runtime and control plane.
    && find /opt/aigw/lib/python3*/site-packages/botocore/data -mindepth 1 -maxdepth 1 -type d \
       ! -name sts ! -name sso ! -name sso-oidc ! -name signin ! -name bedrock-runtime ! -name bedrock -exec rm -r {} +

FROM dependencies AS package
# A source tree without git has no version: set it with --build-arg VERSION=1.2.3.
ARG VERSION=""
COPY aigw_extproc aigw_extproc
RUN SETUPTOOLS_SCM_PRETEND_VERSION="${VERSION}" \
    pip --python /opt/aigw/bin/python install --no-deps --force-reinstall .

FROM package AS package-envoy-config
RUN pip --python /opt/aigw/bin/python install --no-compile -c constraints.txt envoy-data-plane

FROM ${PYTHON_IMAGE} AS runtime
ENV PATH=/opt/aigw/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# No package is installed here. The base image's standard library is not compiled, and a read-only container could not compile it.
# A new volume at /run/aigw gets the owner of this folder.
RUN rm -rf /usr/local/lib/python3*/site-packages/* /usr/local/lib/python3*/ensurepip /usr/local/bin/pip* \
    && python -m compileall -q -x '/(idlelib|lib2to3|test|tkinter|turtledemo|pydoc_data)/' /usr/local/lib/python3* \
    && install -d -m 750 -o 65532 -g 65532 /run/aigw
USER 65532:65532
ENTRYPOINT ["aigw-extproc"]
CMD ["--help"]
ARG VERSION="" REVISION=""
LABEL org.opencontainers.image.title="aigw-extproc" \
      org.opencontainers.image.description="OpenAI and Anthropic clients to AWS Bedrock, through a stock Envoy" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM runtime AS envoy-config
COPY --from=package-envoy-config /opt/aigw /opt/aigw
ENTRYPOINT ["aigw-extproc", "envoy-config"]
CMD ["--help"]

FROM runtime AS simulator
COPY --from=package /opt/aigw /opt/aigw
EXPOSE 8091
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 8091), 2)"]
CMD ["simulator", "--host", "0.0.0.0"]

FROM runtime AS aigw-extproc
COPY --from=package /opt/aigw /opt/aigw
EXPOSE 1063 1064
# Readiness, not only liveness: Envoy can connect. urllib raises an error for any status but 2xx; a loopback address needs no proxy.
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "from urllib.request import *; build_opener(ProxyHandler({})).open('http://127.0.0.1:1064/readyz', timeout=2)"]
