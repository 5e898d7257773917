# The service: `docker build -t billing .`; one image runs the API, the worker, migrations and every other command.
# The base is named by its line; pin it by digest where builds must repeat to the byte.
FROM python:3.13-slim-bookworm AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# Every file is taken by its hash, and what is installed comes from these files alone: of them only what the service needs.
COPY requirements.lock ./
RUN pip download --require-hashes --only-binary=:all: --requirement requirements.lock --dest /wheels
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
COPY migrations ./migrations
RUN python -m venv /app \
    && /app/bin/pip install --no-index --find-links /wheels ".[postgres,redis,stripe,http,cli,tracing]"

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="billing" org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 LOG_FORMAT=json
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin billing
COPY --from=build /app /app
USER 10001
EXPOSE 8000
# Ready means that it can serve: it no longer is once it was told to stop.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/api/health/ready', timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["billing", "serve", "--host", "0.0.0.0", "--port", "8000"]
