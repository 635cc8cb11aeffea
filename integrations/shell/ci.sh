#!/bin/sh
# A step for any pipeline: ci.sh [BRANCH]. BRANCH is where the change will go; without it only the specs and what is committed are checked.
# 0: all is well. 1: something is wrong or stale. 2: it could not be done. 3: the change puts data at risk.
set -eu
base=
if [ -n "${1:-}" ]; then
  # Of the branch nothing but its newest files is needed.
  git fetch --quiet --no-tags --depth=1 -- origin "$1"
  base=$(git rev-parse FETCH_HEAD)
fi
exec statewright ci ${base:+"--base=$base"} --format human --format markdown=statewright.md --format sarif=statewright.sarif --format junit=statewright.xml
