#!/usr/bin/env bash
# The steps for what cannot just be applied: @WHAT@.
# Written by `statewright diff --runbook`. Read it, then run it from the folder where it was written:
#
#   bash FILE              asks before each step
#   bash FILE --yes        does not ask: what stands behind "first:" is done already
#   bash FILE --dry-run    shows the steps and runs none
#   bash FILE --from N     begins with step N
#
# FILE.done keeps what is done: when a step fails or the script is stopped, run it again and it goes on there.
# Delete FILE.done to begin anew.
set -euo pipefail
steps=@STEPS@ from=1 agreed='' dry='' at=0
while [ $# -gt 0 ]; do
  case $1 in
    --yes) agreed=1 ;;
    --dry-run) dry=1 ;;
    --from) from=${2:?--from wants the number of a step}; shift ;;
    *) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
  shift
done
done_before=$0.done
bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; fi

stopped() {
  [ "$at" = 0 ] || printf '\nstopped at step %s of %s. Run this again to go on there; if the step was done all the same, with --from %s\n' "$at" "$steps" "$((at + 1))" >&2
}
trap stopped EXIT

part() { printf '\n%s%s: to %s%s\n' "$bold" "$1" "$2" "$plain"; }

# step NUMBER FIRST EXPECT CHECK: the command comes on standard input.
step() {
  local command key answer
  command=$(cat)
  [ "$1" -ge "$from" ] || return 0
  key="$1 $(printf '%s' "$command" | cksum)"
  if [ -z "$dry" ] && grep -qxF -e "$key" "$done_before" 2>/dev/null; then
    printf '%sstep %s of %s is done%s\n' "$dim" "$1" "$steps" "$plain"
    return 0
  fi
  printf '\nstep %s of %s\n' "$1" "$steps"
  [ -z "$2" ] || printf '  %sfirst: %s%s\n' "$bold" "$2" "$plain"
  printf '%s\n' "$command" | sed '1s/^/  $ /; 2,$s/^/    /'
  printf '  %s→ %s%s\n' "$dim" "$3" "$plain"
  [ -z "$dry" ] || return 0
  if [ -z "$agreed" ]; then
    if ! (exec 3</dev/tty) 2>/dev/null; then echo "there is no terminal to ask at: give --yes" >&2; exit 2; fi
    printf '  run it? [y/N] '
    read -r answer </dev/tty || answer=
    case $answer in y | Y | yes) ;; *) exit 1 ;; esac
  fi
  at=$1
  if ! bash -c "$command" </dev/null; then
    printf '\nstep %s failed\n' "$1" >&2
    exit 1
  fi
  if [ -n "$4" ]; then
    printf '  %s$ %s%s\n' "$dim" "$4" "$plain"
    bash -c "$4" </dev/null || printf '  it shows nothing: look at it yourself\n' >&2
  fi
  printf '%s\n' "$key" >>"$done_before"
  at=0
}

finish() {
  [ -n "$dry" ] || printf '\nall %s steps are done\n' "$steps"
}
