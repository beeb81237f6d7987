#!/usr/bin/env bash
# Gateways that count calls of MCP tools, for tests/fleet/test_gateways.py: install-gateways.sh DIR
# Needs python3 >= 3.11 with venv. No account, no network at run time.
set -euo pipefail
cd "$(mkdir -p "${1:?usage: install-gateways.sh DIR}" && cd "$1" && pwd)"
export PIP_DISABLE_PIP_VERSION_CHECK=1
mk() {
    folder=$1; shift
    [ -x "$folder/bin/python" ] || "${PYTHON:-python3}" -m venv "$folder"
    "$folder/bin/python" -m pip install -q "$@"
}
mk contextforge 'mcp-contextforge-gateway==1.0.7.post20260921'
mk litellm 'litellm[proxy]==1.108.7' 'prometheus-client==0.26.0'
echo "ok: $PWD"
