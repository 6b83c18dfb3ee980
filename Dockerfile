# An image that serves a bundle, or runs any other command of clearsight, as a user without rights.
#
#   docker build --tag clearsight .
#   docker run --publish 8000:8000 --env CLEARSIGHT_TOKEN=... \
#     --volume "$PWD/runs/NAME/bundle:/bundle:ro" clearsight
#   docker run --volume "$PWD:/work" --user "$(id -u)" clearsight train images/
#
# For GPUs (torch brings CUDA's libraries with it; the machine needs NVIDIA's container toolkit):
#   docker build --tag clearsight:cuda --build-arg BASE=nvidia/cuda:13.0.1-base-ubuntu24.04 \
#     --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 .
#   docker run --gpus all ... clearsight:cuda train images/
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV DEBIAN_FRONTEND=noninteractive PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# The compiler makes the kernels; Python is there already in the images that are named after it.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && { command -v python3 || apt-get install --yes --no-install-recommends \
         python3 python3-dev python3-venv; } \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/clearsight \
    && /opt/clearsight/bin/pip install torch==2.13.0 --index-url "${TORCH_INDEX}"
COPY pyproject.toml README.md LICENSE /source/
COPY src /source/src
RUN /opt/clearsight/bin/pip install '/source[report,onnx,serve]'

FROM ${BASE}
ENV DEBIAN_FRONTEND=noninteractive
RUN command -v python3 \
    || { apt-get update && apt-get install --yes --no-install-recommends python3 \
         && rm -rf /var/lib/apt/lists/*; }
RUN useradd --uid 10001 --create-home clearsight && install --directory --owner clearsight /work
COPY --from=build /opt/clearsight /opt/clearsight
ENV PATH=/opt/clearsight/bin:$PATH
USER 10001
WORKDIR /work
EXPOSE 8000
HEALTHCHECK --start-period=20s CMD ["python3", "-c", \
  "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
ENTRYPOINT ["clearsight"]
# Beyond the container a token is needed, in CLEARSIGHT_TOKEN.
CMD ["serve", "model=/bundle", "--host", "0.0.0.0"]
