# PRM for production: one image, many commands (docker-compose.yml). Development dependencies and servers are not in it.
FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv/prm
COPY requirements.lock ./
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements.lock

FROM python:3.13-slim-bookworm
# Pango draws the PDF reports; fonts come with the Python packages, Liberation is what the rest falls back on.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-liberation \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /srv/prm --shell /usr/sbin/nologin prm \
    && install -d -o prm -g prm /var/lib/prm
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PRM_STATE_DIR=/var/lib/prm \
    DJANGO_SETTINGS_MODULE=prm.settings PRM_CHARTS_AUTOSTART=0
WORKDIR /srv/prm
COPY --from=build /opt/venv /opt/venv
COPY . .
# Fonts, compiled translations and static files belong to the image; the secrets are only there to load the settings.
RUN PRM_SECRET_KEY=build PRM_MASTER_KEYS=build:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= PRM_LINK_PEPPER=build \
    PRM_STATIC_ROOT=/srv/prm/.static DATABASE_URL_APP=postgresql://build/build \
    DATABASE_URL_OWNER=postgresql://build/build DATABASE_URL_PLATFORM=postgresql://build/build \
    sh -c "python manage.py build_fonts && pybabel compile --directory locale --domain django \
        && python manage.py collectstatic --no-input --verbosity 0"
ENV PRM_STATIC_ROOT=/srv/prm/.static
USER 10001
VOLUME /var/lib/prm
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/livez', timeout=4)"]
# One blocking thread a worker, cores + 1 workers (WEB_WORKERS): bench.md section 3.
CMD ["sh", "-c", "exec granian --interface wsgi --host 0.0.0.0 --port 8000 --workers ${WEB_WORKERS:-3} --blocking-threads 1 --no-ws --backpressure 64 --workers-kill-timeout 25 prm.wsgi:application"]
