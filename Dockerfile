# The pipeline with its packages from the lock, run by an unprivileged user.
#
# Nobody has built this file yet: no container engine was at hand where it was written. Whoever publishes an image
# builds and runs it first, and pins the base by its digest: --build-arg PYTHON_IMAGE=python:3.12-slim@sha256:...
ARG PYTHON_IMAGE=python:3.12.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS builder
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/venv
COPY requirements.lock /tmp/requirements.lock
RUN /opt/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes \
    -r /tmp/requirements.lock
# A clone and not a copy: the image holds the committed files and their commit, which every run is tagged with.
COPY .git /context/.git
RUN git clone --depth 1 file:///context /project \
 && git -C /project remote remove origin
RUN /opt/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation \
    -e /project \
 && mkdir -p /project/artifacts /project/.cache

FROM ${PYTHON_IMAGE} AS runtime
# git: DVC works in a clone, and runs are tagged with its commit.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 sensegen \
 && useradd --uid 10001 --gid 10001 --create-home --home-dir /state --shell /usr/sbin/nologin sensegen \
 && mkdir -p /state/prefect /state/dvc /artifacts \
 && chown -R 10001:10001 /state /artifacts
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder --chown=10001:10001 /project /project
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/state \
    PREFECT_HOME=/state/prefect \
    DVC_SITE_CACHE_DIR=/state/dvc \
    DVC_NO_ANALYTICS=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /project
# By number, so that a cluster can see that it is not root.
USER 10001:10001
ENTRYPOINT ["sensegen"]
CMD ["--help"]
