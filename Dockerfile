# The images of compose.yaml: app (uWSGI and Django), web (Nginx), and for its profile postgres, database.

FROM debian:trixie-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        ca-certificates gcc gettext libc6-dev libpcre2-dev python3 python3-dev python3-venv
WORKDIR /srv/myweb
COPY requirements.txt ./
# The site speaks English and Chinese; the other languages of Django, its maps, and what only debuggers read, take 37 MB.
RUN python3 -m venv .venv \
    && .venv/bin/python -m pip install --no-cache-dir --requirement requirements.txt \
    && .venv/bin/python -m pip uninstall --yes pip \
    && find .venv '(' -name '*.po' -o -name '*.mo' -not -path '*/en/*' -not -path '*/zh_Hans/*' ')' -delete \
    && find .venv/lib/python3*/site-packages/django/conf/locale -mindepth 2 -not -path '*/en/*' -not -path '*/zh_Hans/*' -delete \
    && (cd .venv/lib/python3*/site-packages && rm -r django/contrib/gis django/contrib/admindocs csp/tests) \
    && find .venv -name '*.so' -exec strip --strip-unneeded '{}' + \
    && find .venv -path '*/static/*.js' -exec sed -i '/^\/\/# sourceMappingURL=/d' '{}' + \
    && find .venv -path '*/static/*.js.map' -delete
COPY manage.py ./
COPY deploy deploy
COPY myweb myweb
COPY static static
RUN .venv/bin/python -m myweb.running.building

# What the packages depend on is left out: LLVM and Perl alone take 200 MB, and neither is used.
FROM debian:trixie-slim AS postgresql
WORKDIR /tmp
RUN apt-get update \
    && apt-get download postgresql-17 postgresql-client-17 \
    && for package in *.deb; do dpkg-deb --extract "$package" /unpacked; done \
    && rm -r /unpacked/usr/lib/postgresql/17/lib/bitcode /unpacked/usr/lib/postgresql/17/lib/llvmjit*

FROM debian:trixie-slim AS app
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libpcre2-8-0 libpq5 libpython3.13 python3 \
    && apt-get dist-clean
# A new volume takes its owner from here. www-data has the same number in every Debian.
RUN install -d -o www-data -g www-data /var/lib/myweb /var/lib/myweb/log /var/lib/myweb/run \
    && install -d -o www-data -g www-data -m 700 /run/database-secret
# Backups need these.
COPY --from=postgresql /unpacked/usr/lib/postgresql/17/bin/pg_dump /unpacked/usr/lib/postgresql/17/bin/pg_restore \
    /unpacked/usr/lib/postgresql/17/bin/psql /usr/local/bin/
COPY --from=build /srv/myweb /srv/myweb
WORKDIR /srv/myweb
ENV PATH=/srv/myweb/.venv/bin:/srv/myweb:$PATH
USER www-data
# A container has as many cores as the machine, but not its memory.
CMD ["uwsgi", "--ini", "deploy/myweb_uwsgi.ini", "--processes", "4"]

FROM debian:trixie-slim AS web
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libnginx-mod-http-brotli-static nginx \
    && apt-get dist-clean
COPY deploy/docker/web deploy/docker/web_is_healthy /usr/local/bin/
# Not the owner of the data, so that the database and the keys are closed to it.
USER proxy
CMD ["web"]

FROM debian:trixie-slim AS database
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libicu76 libpq5 libreadline8t64 libxml2 tzdata \
    && apt-get dist-clean
COPY --from=postgresql /unpacked/usr /usr
COPY deploy/docker/database /usr/local/bin/
RUN install -d -o www-data -g www-data -m 700 /var/lib/postgresql /run/database-secret
ENV PATH=/usr/lib/postgresql/17/bin:$PATH
USER www-data
CMD ["database"]
