# What the programs in deploy/ have in common, before there is a Python of the site's.
# shellcheck shell=bash

packages=(ca-certificates gcc gettext libc6-dev libnginx-mod-http-brotli-static libpcre2-dev python3 python3-dev python3-venv)
log=/dev/null

die() {
    printf '%s: %s\n' "${program-deploy/${0##*/}}" "$*" >&2
    exit 1
}

# The comment that the program begins with
usage() {
    sed -n '2,/^$/{/^set/q;s/^# \{0,1\}//p}' "$0" >&2
    exit 2
}

# lock FILE SECONDS [WHERE]: held, as descriptor 9, also by what the program goes on as.
lock() {
    exec 9<"$1"
    flock -n 9 && return
    printf '==> Waiting for another deploy/%s%s\n' "${0##*/}" "${3-}"
    flock -w "$2" 9 || die "another deploy/${0##*/}${3-} does not come to an end."
}

# missing_packages PACKAGE…: sets `missing` to those that are not installed, and nginx, unless there is one from somewhere else.
missing_packages() {
    local installed package
    missing=()
    # shellcheck disable=SC2016  # dpkg-query's own placeholders
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
    for package; do
        grep -qxF "installed $package" <<<"$installed" || missing+=("$package")
    done
    command -v nginx >/dev/null || [[ " ${missing[*]} " == *' nginx '* ]] || missing+=(nginx)
}

# step WHAT COMMAND…: one line with the seconds it takes; the output goes to the log, and its end is shown if it fails.
step() {
    local began=$SECONDS output status=0
    printf '==> %s' "$1"
    output=$("${@:2}" 2>&1 </dev/null) || status=$?
    printf ' (%s s)\n' $((SECONDS - began))
    printf '%s\n' "$output" >>"$log"
    ((status == 0)) || { tail -n 20 <<<"$output" >&2; die "this step failed: $1 (its last lines are above)."; }
}
