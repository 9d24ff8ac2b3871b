# What deploy/up, deploy/install and deploy/docker/prepare have in common. Whoever sources this has $var, and as_site to run a command as its owner.
# shellcheck shell=bash

packages=(ca-certificates gcc gettext libc6-dev libnginx-mod-http-brotli-static libpcre2-dev python3 python3-dev python3-venv)

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

# What has to be in $var, as its owner, before anything of Django runs.
fill_var() {
    # shellcheck disable=SC2016  # for the inner shell
    as_site bash -euc '
        cd "$1"
        mkdir -p media nginx static
        mkdir -p -m 750 log run
        [[ -e run/reload ]] || : >run/reload
        umask 077
        if [[ ! -e secret_key ]]; then
            head -c 48 /dev/urandom | base64 -w 0 >"secret_key.$$"
            ln "secret_key.$$" secret_key 2>/dev/null || [[ -s secret_key ]]
            rm "secret_key.$$"
        fi
    ' bash "$var"
}

# Whether those of RELEASE are served, whatever else is. The list, by which Django finds the names, was copied last.
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
