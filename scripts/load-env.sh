# shellcheck shell=bash
# Loads one environment's personal values into the shell:
#
#     source scripts/load-env.sh staging
#
# Exports the assignments of .env.<env> (optional), AWS_PROFILE and THOTH_ENV; what an earlier load exported is
# unset first. The file is read as text and never executed: only keys that .env.example names are taken, and
# values are not expanded. Nothing is exported when anything is wrong. For bash and zsh; it neither ends the
# shell that sources it nor changes its options.

_thoth_say() {
  printf 'load-env: %s\n' "$*" >&2
}

# Sets _thoth_key and _thoth_value from one line. Returns 1 for a line that is no assignment, 2 for one without.
_thoth_parse() {
  local line=$1
  line=${line%$'\r'}
  line=${line#"${line%%[![:space:]]*}"}
  line=${line%"${line##*[![:space:]]}"}
  case $line in
    '' | '#'*) return 2 ;;
    'export '* | 'export	'*)
      line=${line#export}
      line=${line#"${line%%[![:space:]]*}"}
      ;;
  esac
  case $line in
    *=*) ;;
    *) return 1 ;;
  esac
  _thoth_key=${line%%=*}
  _thoth_value=${line#*=}
  case $_thoth_key in
    '' | [0-9]* | *[!A-Za-z0-9_]*) return 1 ;;
  esac
  _thoth_value=${_thoth_value#"${_thoth_value%%[![:space:]]*}"}
  case $_thoth_value in
    '"'*'"' | "'"*"'")
      _thoth_value=${_thoth_value#?}
      _thoth_value=${_thoth_value%?}
      ;;
    '"'*'"'[[:space:]]*'#'*)
      _thoth_value=${_thoth_value#?}
      _thoth_value=${_thoth_value%%'"'[[:space:]]*}
      ;;
    "'"*"'"[[:space:]]*'#'*)
      _thoth_value=${_thoth_value#?}
      _thoth_value=${_thoth_value%%"'"[[:space:]]*}
      ;;
    '#'*) _thoth_value='' ;;
    *[[:space:]]'#'*)
      _thoth_value=${_thoth_value%%[[:space:]]#*}
      _thoth_value=${_thoth_value%"${_thoth_value##*[![:space:]]}"}
      ;;
  esac
  return 0
}

# Prints the keys of .env.example, each between spaces: " AWS_ACCOUNT_ID VPC_ID … ".
_thoth_known_keys() {
  local line keys=' '
  while IFS= read -r line || [ -n "$line" ]; do
    if _thoth_parse "$line"; then keys="$keys$_thoth_key "; fi
  done <"$1"
  printf '%s' "$keys"
}

# Checks each line of the file $1 against the known keys $2, and says what is wrong with the first bad one.
_thoth_check() {
  local line number=0 state
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    if _thoth_parse "$line"; then state=0; else state=$?; fi
    if [ "$state" -eq 1 ]; then
      _thoth_say "$1:$number: not an assignment; write KEY=value"
      return 1
    fi
    if [ "$state" -eq 0 ]; then
      case $2 in
        *" $_thoth_key "*) ;;
        *)
          _thoth_say "$1:$number: $_thoth_key is not a known key; .env.example lists them"
          return 1
          ;;
      esac
    fi
  done <"$1"
  return 0
}

# Unsets what an earlier load exported; only names that a load can have exported.
_thoth_unload() {
  local rest=${_THOTH_LOADED-} key
  while [ -n "$rest" ]; do
    key=${rest%% *}
    rest=${rest#"$key"}
    rest=${rest# }
    case "$1 THOTH_ENV " in
      *" $key "*) unset "$key" ;;
    esac
  done
  unset _THOTH_LOADED
  return 0
}

# Prints the profile that environments/<env>.yaml names.
_thoth_profile() {
  local command=$1/.venv/bin/thoth-infra
  if [ ! -x "$command" ]; then command=thoth-infra; fi
  if ! command -v "$command" >/dev/null 2>&1; then
    _thoth_say "AWS_PROFILE is not in .env.$2, and thoth-infra is not installed to look it up; run: make venv"
    return 1
  fi
  "$command" --root "$1" env show identity.profile --env "$2"
}

_thoth_load() {
  if [ -n "${ZSH_VERSION-}" ]; then emulate -L zsh; fi
  local root=$1 name=${2-} file known line profile='' loaded='' _thoth_key='' _thoth_value=''
  case $name in
    '' | *[!a-z0-9]*)
      _thoth_say "give an environment's name: source scripts/load-env.sh staging"
      return 1
      ;;
  esac
  if [ ! -f "$root/environments/$name.yaml" ]; then
    _thoth_say "there is no environment '$name' (no environments/$name.yaml)"
    return 1
  fi
  file=$root/.env.$name
  if [ ! -f "$root/.env.example" ]; then
    _thoth_say "$root/.env.example is missing, which lists the keys; restore it"
    return 1
  fi
  known=$(_thoth_known_keys "$root/.env.example")
  if [ -f "$file" ]; then
    _thoth_check "$file" "$known" || return 1
    while IFS= read -r line || [ -n "$line" ]; do
      if _thoth_parse "$line" && [ "$_thoth_key" = AWS_PROFILE ]; then profile=$_thoth_value; fi
    done <"$file"
  fi
  if [ -z "$profile" ]; then
    profile=$(_thoth_profile "$root" "$name") || return 1
  fi

  _thoth_unload "$known"
  if [ -f "$file" ]; then
    while IFS= read -r line || [ -n "$line" ]; do
      if _thoth_parse "$line" && [ -n "$_thoth_value" ] && [ "$_thoth_key" != AWS_PROFILE ]; then
        export "$_thoth_key=$_thoth_value"
        loaded="$loaded$_thoth_key "
      fi
    done <"$file"
  fi
  export AWS_PROFILE="$profile" THOTH_ENV="$name"
  export _THOTH_LOADED="${loaded}AWS_PROFILE THOTH_ENV"
  _thoth_say "$name loaded: AWS_PROFILE=$profile${loaded:+, ${loaded% }}"
  return 0
}

# Removes every trace but the exports.
_thoth_clean() {
  unset -f _thoth_say _thoth_parse _thoth_known_keys _thoth_check _thoth_unload _thoth_profile _thoth_load
  unset -f _thoth_clean
  return 0
}

if [ -n "${ZSH_VERSION-}" ]; then
  case ${ZSH_EVAL_CONTEXT-} in *file*) _thoth_sourced=yes ;; *) _thoth_sourced= ;; esac
  _thoth_script=$0
elif [ -n "${BASH_VERSION-}" ]; then
  if [ "${BASH_SOURCE[0]}" = "$0" ]; then _thoth_sourced=; else _thoth_sourced=yes; fi
  _thoth_script=${BASH_SOURCE[0]}
else
  _thoth_say "needs bash or zsh"
  return 1 2>/dev/null || exit 1
fi

if [ -z "$_thoth_sourced" ]; then
  _thoth_say "source it, so that it can set variables in your shell: source scripts/load-env.sh ${1-staging}"
  exit 1
fi
_thoth_script=$(CDPATH='' cd -- "$(dirname -- "$_thoth_script")/.." && pwd)

if _thoth_load "$_thoth_script" "${1-}"; then
  unset _thoth_sourced _thoth_script
  _thoth_clean
  return 0
else
  unset _thoth_sourced _thoth_script
  _thoth_clean
  return 1
fi
