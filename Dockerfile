# The locked software that the rules run in; the project itself is not in it, but mounted.
#   docker build --target cuda --tag lungfuse:cuda .
#   docker build --target cpu --tag lungfuse:cpu --build-arg TORCH_INDEX=<PyTorch's index of CPU builds> .
#   apptainer build lungfuse.sif docker-daemon:lungfuse:cuda     # for params.yaml: container: lungfuse.sif
ARG PYTHON=python:3.11-slim
FROM ${PYTHON} AS base
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git procps \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/lungfuse
COPY requirements.lock .
ENV PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

FROM base AS cpu
ARG TORCH_INDEX
RUN pip install ${TORCH_INDEX:+--index-url "${TORCH_INDEX}"} "$(grep '^torch==' requirements.lock)"
RUN pip install --requirement requirements.lock && pip check

# PyTorch's own builds for Linux bring CUDA; the host brings the driver.
FROM base AS cuda
RUN sed -i 's/^tensorflow-cpu==/tensorflow[and-cuda]==/' requirements.lock
RUN pip install --requirement requirements.lock && pip check

# The web service: docker compose --file deploy/compose.yaml up
FROM cpu AS service
COPY workflow workflow
RUN useradd --create-home lungfuse && mkdir -p /srv/media /srv/static /project && chown -R lungfuse /srv /project
ENV PYTHONPATH=/opt/lungfuse/workflow
USER lungfuse
WORKDIR /project
