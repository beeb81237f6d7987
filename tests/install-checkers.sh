#!/usr/bin/env bash
# What judges the pages for tests/site/test_standards.py: install-checkers.sh DIR
# Needs node >= 20 with npm; the Nu HTML checker also needs a Java runtime (apt-get install -y default-jre-headless).
set -euo pipefail
cd "$(mkdir -p "${1:?usage: install-checkers.sh DIR}" && cd "$1" && pwd)"
[ -f package.json ] || echo '{"name":"checkers","private":true}' > package.json
PUPPETEER_SKIP_DOWNLOAD=true npm install --silent --no-audit --no-fund --ignore-scripts --save-exact \
    html-validate@10.17.0 vnu-jar@26.9.27 pa11y@9.1.1
