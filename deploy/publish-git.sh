#!/bin/sh
# Publishes the site as a branch of a git repository, as git pages want it: publish-git.sh SITE REPOSITORY [BRANCH]
# One commit, the last: yesterday's site is worth nothing, and a repository that grows by it every hour costs.
set -eu
repository=$2 branch=${3:-pages}
cd "$1"
[ -f index.html ] || { echo "$1 holds no site" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export GIT_DIR="$folder/git" GIT_WORK_TREE="$PWD" GIT_TERMINAL_PROMPT=0
export GIT_AUTHOR_NAME=caelum-report GIT_AUTHOR_EMAIL=caelum-report@localhost
export GIT_COMMITTER_NAME=caelum-report GIT_COMMITTER_EMAIL=caelum-report@localhost
git init --quiet --initial-branch="$branch"
git add --all --force .
git commit --quiet --message "The site of $(date -u +%Y-%m-%dT%H:%MZ)"
git push --quiet --force "$repository" "HEAD:refs/heads/$branch"
