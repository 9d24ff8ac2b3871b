# What the programs in deploy/ have in common, before there is a Python of the site's.
# shellcheck shell=bash

packages=(ca-certificates gcc gettext libc6-dev libnginx-mod-http-brotli-static libpcre2-dev python3 python3-dev python3-venv)

die() {
    printf '%s: %s\n' "${program-deploy/${0##*/}}" "$*" >&2
    exit 1
}

# The comment that the program begins with
usage() {
    sed -n '2,/^$/{/^set/q;s/^# \{0,1\}//p}' "$0" >&2
    exit 2
}

# in_python ROOT MODULE ARGUMENT…: goes on as the main() of myweb.MODULE, in whatever directory this is.
in_python() {
    exec "$1/.venv/bin/python" -c '
import runpy, sys
sys.path[0], module = sys.argv[1:3]
del sys.argv[1:3]
runpy.run_module(f"myweb.{module}", run_name="__main__")' "$@"
}

# setting NAME: prints what the settings of the site in $root have under that name.
setting() { (cd "$root" && .venv/bin/python -m myweb.running.reading "$1"); }

# missing_packages PACKAGE…: prints those that are not installed, and nginx, unless there is one from somewhere else.
missing_packages() {
    local installed package
    # shellcheck disable=SC2016  # dpkg-query's own placeholders
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
    for package; do
        grep -qxF "installed $package" <<<"$installed" || printf '%s\n' "$package"
    done
    command -v nginx >/dev/null || printf 'nginx\n'
}

# Who calls these has $var, and as_site to run a command as its owner.

# has_static_files RELEASE: whether those are served, whatever else is. The list, by which Django finds the names, was copied last.
has_static_files() { cmp -s "$1/collected/staticfiles.json" "$var/static/staticfiles.json"; }

# copy_static_files RELEASE. Those of other releases stay: pages that are open in browsers go on asking for them.
copy_static_files() {
    as_site rm -rf "$var/static.new" &&
        as_site cp -R "$1/collected" "$var/static.new" &&
        as_site mv "$var/static.new/staticfiles.json" "$var/staticfiles.json.new" &&
        # Links replace in one step, so that nobody is served half a file.
        as_site cp -RlfT "$var/static.new" "$var/static" &&
        as_site mv "$var/staticfiles.json.new" "$var/static/staticfiles.json" &&
        as_site rm -r "$var/static.new"
}
