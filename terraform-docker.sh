#!/usr/bin/env bash
# Runs the pinned Terraform image on one environment's rendered tree, with Docker and nothing else.
#
#   ./terraform-docker.sh ENVIRONMENT ARGUMENTS…      ./terraform-docker.sh staging plan
#   ./terraform-docker.sh -h
#
# The same pin, mounts, user, network and terminal rules as `thoth-infra --engine docker` (a test compares
# the two), for when the Python tool is not at hand. The tool checks who you are, seals plans and waits
# for Terraform after Ctrl-C; here only the account check rendered into the tree stands in the way.
#
#   THOTH_PROVIDER_MIRROR   a folder that holds the provider, where no registry can be reached
#   THOTH_EMULATED=1        work on .thoth/ENVIRONMENT/emulated, with AWS_ENDPOINT_URL on loopback
set -euo pipefail

readonly source=registry.terraform.io/hashicorp/aws provider_version=5.100.0

die() { printf 'terraform-docker.sh: %s\n' "$1" >&2; exit "${2:-1}"; }
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "${BASH_SOURCE[0]}"; }

case ${1:-} in
  -h | --help) usage; exit 0 ;;
  '') usage >&2; exit 2 ;;
esac

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
environment=$1
shift
tree=$root/terraform/$environment
[[ $environment != */* && -f $tree/00-backend.tf ]] ||
  die "terraform/$environment is not rendered: run \`thoth-infra render --env $environment\`"

read -r version digest < "$root/.terraform-version" || [[ -n ${version:-} ]] || die 'no .terraform-version' 5
image=hashicorp/terraform:$version${digest:+@$digest}
emulated=${THOTH_EMULATED:-}
scratch=$root/.thoth/$environment${emulated:+/emulated}
mkdir -p "$scratch"
chmod 700 "$scratch"

# --- The provider: a mirror on disk if there is one --------------------------------------------------
case $(uname -m) in
  x86_64 | amd64) target=linux_amd64 ;;
  aarch64 | arm64) target=linux_arm64 ;;
  *) target=linux_$(uname -m) ;;
esac

holds_provider() { # FOLDER: Terraform follows a link only where the package itself is
  local folder=$1 part packages
  for part in registry.terraform.io hashicorp aws; do
    folder=$folder/$part
    [[ -d $folder && ! -L $folder ]] || return 1
  done
  package=$folder/terraform-provider-aws_${provider_version}_$target.zip
  [[ -f $package ]] && return 0
  [[ -d $folder/$provider_version && ! -L $folder/$provider_version ]] || return 1
  package=$folder/$provider_version/$target
  packages=("$package"/terraform-provider-aws_v"$provider_version"*)
  [[ -e ${packages[0]} ]]
}

find_mirror() { # sets mirror and package, or leaves mirror empty
  local folder data_folders registry
  mirror=
  if [[ -n ${THOTH_PROVIDER_MIRROR:-} ]]; then
    holds_provider "$THOTH_PROVIDER_MIRROR" ||
      die "THOTH_PROVIDER_MIRROR=$THOTH_PROVIDER_MIRROR does not hold $source $provider_version for $target" 5
    mirror=$(cd -- "$THOTH_PROVIDER_MIRROR" && pwd)
    holds_provider "$mirror"
    return
  fi
  local candidates=(${cache:+"$cache"} "$tree/terraform.d/plugins" "$HOME/.terraform.d/plugins"
    "${XDG_DATA_HOME:-$HOME/.local/share}/terraform/plugins")
  IFS=: read -ra data_folders <<< "${XDG_DATA_DIRS:-/usr/local/share:/usr/share}"
  for folder in "${data_folders[@]}"; do candidates+=("$folder/terraform/plugins"); done
  for folder in /opt /srv /usr/share /usr/local/share /var/lib; do
    candidates+=("$folder")
    for registry in "$folder"/*/registry.terraform.io; do candidates+=("${registry%/*}"); done
  done
  for folder in "${candidates[@]}"; do
    if holds_provider "$folder"; then mirror=$folder; return; fi
  done
}

# The user's own configuration stays in force; where it does not say where providers come from, the
# mirror is added to it.
config=
for file in "${TF_CLI_CONFIG_FILE:-${TERRAFORM_CONFIG:-}}" "$HOME/.terraformrc"; do
  if [[ -n $file && -f $file ]]; then config=$file; break; fi
done
settings() { # NAME: the strings that the user's configuration gives it
  [[ -z $config ]] || sed -En "s/^[[:space:]]*\"?$1\"?[[:space:]]*[=:][[:space:]]*\"([^\"]+)\".*/\1/p" "$config"
}
cache=${TF_PLUGIN_CACHE_DIR:-$(settings plugin_cache_dir)}
cache=${cache/#'$HOME'/$HOME}
[[ -z $cache ]] || mkdir -p "$cache"
readable=()
if [[ -n $config ]] && grep -Eq '^[[:space:]]*("?provider_installation|\{)' "$config"; then
  readable+=("$config")
  while IFS= read -r folder; do [[ ! -d $folder ]] || readable+=("$folder"); done < <(settings path)
else
  find_mirror
  if [[ -n $mirror ]]; then
    umask_before=$(umask)
    umask 077
    {
      [[ -z $config ]] || { cat "$config"; echo; }
      printf 'provider_installation {\n  filesystem_mirror {\n    path    = "%s"\n    include = ["%s"]\n  }\n' \
        "$(sed 's/[\\"]/\\&/g' <<< "$mirror")" "$source"
      printf '  direct {\n    exclude = ["%s"]\n  }\n}\n' "$source"
    } > "$scratch/.terraform.rc.$$"
    mv "$scratch/.terraform.rc.$$" "$scratch/terraform.rc"
    umask "$umask_before"
    config=$scratch/terraform.rc
    readable+=("$mirror")
    real_mirror=$(realpath "$mirror") real_package=$(realpath "$package")
    [[ $real_package == "$real_mirror"/* ]] || readable+=("$real_package")
    [[ $cache != "$mirror" ]] || cache=
  elif [[ -n $config ]]; then
    readable+=("$config")
  fi
fi
for variable in AWS_CA_BUNDLE SSL_CERT_DIR SSL_CERT_FILE; do
  if [[ ${!variable:-} == /* && -e ${!variable} ]]; then readable+=("${!variable}"); fi
done

# --- Credentials: resolved here, passed on as values -------------------------------------------------
if [[ -z ${AWS_ACCESS_KEY_ID:-} && -n ${AWS_PROFILE:-} ]]; then
  command -v aws > /dev/null || die 'set AWS_ACCESS_KEY_ID …, or install the AWS CLI to resolve AWS_PROFILE' 4
  exported=$(aws configure export-credentials --format env) || die "sign in: aws sso login --profile $AWS_PROFILE" 4
  eval "$exported"
fi

# --- The container's variables, by name: values never show in a process list -------------------------
export TF_DATA_DIR=$scratch/terraform CHECKPOINT_DISABLE=1 AWS_EC2_METADATA_DISABLED=true
if [[ -n $config ]]; then export TF_CLI_CONFIG_FILE=$config; else unset TF_CLI_CONFIG_FILE; fi
if [[ -n $cache ]]; then export TF_PLUGIN_CACHE_DIR=$cache; else unset TF_PLUGIN_CACHE_DIR; fi
unset TERRAFORM_CONFIG TF_IN_AUTOMATION TF_INPUT
tty=()
if [[ -t 0 && -t 1 ]]; then tty=(-t); else export TF_IN_AUTOMATION=1; fi

names=()
while IFS= read -r name; do
  [[ -n ${!name} ]] || continue
  case $name in
    TF_CLI_ARGS* | TF_WORKSPACE | TF_REATTACH_PROVIDERS) ;; # would steer Terraform unseen
    AWS_CONFIG_FILE | AWS_SHARED_CREDENTIALS_FILE | AWS_PROFILE | AWS_DEFAULT_PROFILE) ;; # the host's
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE | AWS_CONTAINER_CREDENTIALS_*_URI) ;;
    AWS_ROLE_ARN | AWS_ROLE_SESSION_NAME | AWS_WEB_IDENTITY_TOKEN_FILE) ;;
    TF_* | AWS_* | SSL_CERT_DIR | SSL_CERT_FILE | CHECKPOINT_DISABLE) names+=(--env "$name") ;;
    ALL_PROXY | HTTP_PROXY | HTTPS_PROXY | NO_PROXY) names+=(--env "$name") ;;
    all_proxy | http_proxy | https_proxy | no_proxy) names+=(--env "$name") ;;
  esac
done < <(compgen -e | LC_ALL=C sort)

# --- Mounts: each path once, at the place it has on the host, none inside another --------------------
inside() { # PATH FOLDERS…
  local path=$1 folder
  shift
  for folder in "$@"; do [[ $path == "$folder"/* ]] && return 0; done
  return 1
}
mounts=() mounted=()
add_mount() { # PATH OPTIONS
  inside "$1" "$root" "${writable[@]}" ${readable[@]+"${readable[@]}"} && return
  for seen in ${mounted[@]+"${mounted[@]}"}; do [[ $seen == "$1" ]] && return; done
  [[ $1 != *[,\"]* ]] || die "Docker can't mount $1: a comma or a quote separates its options" 5
  mounted+=("$1")
  mounts+=(--mount "type=bind,src=$1,dst=$1$2")
}
writable=("$root" ${cache:+"$cache"})
for path in "${writable[@]}"; do add_mount "$path" ''; done
for path in ${readable[@]+"${readable[@]}"}; do add_mount "$path" ,readonly; done

exec docker run --rm -i ${tty[@]+"${tty[@]}"} \
  --name "thoth-infra-$environment-$(printf '%04x%04x' $RANDOM $RANDOM)" \
  --label "thoth-infra.environment=$environment" \
  --user "$(id -u):$(id -g)" \
  --workdir "$tree" \
  --security-opt no-new-privileges --cap-drop ALL \
  ${emulated:+--network host} \
  "${mounts[@]}" \
  --env HOME=/tmp "${names[@]}" \
  "$image" "$@"
