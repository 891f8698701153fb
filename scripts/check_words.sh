#!/usr/bin/env bash
# Fails when a tracked file holds a word that must not be there, and says where.
set -euo pipefail
cd "$(dirname "$0")/.."

bad=0
# forbid REASON PATTERN [PATHSPEC...]: the pattern is an extended regular expression.
forbid() {
    local reason=$1 pattern=$2
    shift 2
    if git grep -nIE -e "$pattern" -- "$@" ':!scripts/check_words.sh'; then
        echo "  ^ $reason" >&2
        bad=1
    fi
}

forbid "a path of one machine; paths are relative to the repository" '(^|[^[:alnum:]_.$}])/(work|home|Users|root)/[[:alnum:]]' .
forbid "a package registry's host name; name the package and its version" \
    '(crates\.io|static\.rust-lang\.org|registry\.npmjs\.org|registry\.yarnpkg\.com|pypi\.org|pythonhosted\.org|deb\.debian\.org|archive\.ubuntu\.com|proxy\.golang\.org)' . ':!Cargo.lock' ':!deny.toml'
forbid "unfinished work; finish it or leave it out" '(TODO|FIXME|XXX|HACK)([^[:alnum:]_]|$)' . ':!clippy.toml'
forbid "a bare allow; write #[expect(lint, reason = \"...\")]" '#!?\[allow\(' '*.rs'
forbid "a suppressed test; make it fast, or run it in a tier" '#\[ignore' '*.rs'
forbid "a word about how the work was done; say what is there" '([Ss]ub-?agent|[Tt]his session|[Ii]ssue #[0-9])' .
forbid "a conflict marker" '^(<<<<<<<|>>>>>>>) ' .

if [ "$bad" -eq 0 ]; then
    echo "words: fine"
fi
exit "$bad"
