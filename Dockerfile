# One image for every role; the command chooses: web (as here), worker, scheduler, simulator or flower.
FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv /venv
COPY requirements/base.txt requirements/build.txt requirements/
RUN /venv/bin/pip install --no-deps --require-hashes -r requirements/base.txt \
    && python -m venv /tools && /tools/bin/pip install --no-deps --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY workers workers
RUN /tools/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir dist . \
    && /venv/bin/pip install --no-deps --no-index dist/*.whl

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 RELAY_HOST=0.0.0.0 RELAY_PORT=8000 RELAY_DATA_DIR=/data RELAY_LOG_FORMAT=json
RUN useradd --system --uid 10001 --no-create-home relay && install --directory --owner=relay /data
COPY --from=build /venv /venv
USER relay
WORKDIR /data
VOLUME /data
EXPOSE 8000
# Alive is enough here: a database that is away for a minute is no reason to replace the container.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['RELAY_PORT']}/livez\", timeout=4)"]
CMD ["relay", "web"]
