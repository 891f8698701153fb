#!/usr/bin/env bash
# Says what this machine lacks for a build, then fetches the dependencies. Installs nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=0
lacks() {
    printf 'missing: %s\n         %s\n' "$1" "$2" >&2
    missing=1
}

wanted=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
if ! command -v cargo >/dev/null; then
    lacks "cargo" "install Rust $wanted, with rustup or from your distribution"
else
    found=$(rustc --version | cut -d ' ' -f 2)
    if [ "$found" != "$wanted" ]; then
        lacks "Rust $wanted (found $found)" "rust-toolchain.toml asks for it; rustup installs it on the first build, without rustup set it up by hand"
    fi
    cargo fmt --version >/dev/null 2>&1 || lacks "rustfmt" "rustup component add rustfmt (only \`make check\` needs it)"
    cargo clippy --version >/dev/null 2>&1 || lacks "clippy" "rustup component add clippy (only \`make check\` needs it)"
fi
command -v cc >/dev/null || lacks "a C compiler named cc" "Debian and Ubuntu: apt-get install build-essential"

if [ "$missing" -ne 0 ]; then
    exit 1
fi
cargo fetch --locked
echo "ready: \`make test\` runs the tests, \`make reproduce\` the experiments"
