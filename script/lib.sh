# What the other scripts share. Read by `. script/lib.sh`; works in any POSIX shell.

# Runs a command as root: directly, or through sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Whether PostgreSQL's server programs lie in one of the places where Backoffice looks for them.
has_postgresql() {
  [ -n "${BACKOFFICE_PG_BIN:-}" ] && return 0 # named by the user: the server says what it thinks of it
  command -v postgres >/dev/null 2>&1 && command -v initdb >/dev/null 2>&1 && return 0
  for initdb in /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb /usr/libexec/postgresql*/initdb \
    /opt/homebrew/opt/postgresql@*/bin/initdb /usr/local/opt/postgresql@*/bin/initdb /usr/local/pgsql/bin/initdb; do
    [ -x "$initdb" ] && return 0
  done
  return 1
}

# Installs PostgreSQL's programs if there are none. Nothing is started: Backoffice runs a PostgreSQL of its own.
# With DATABASE_URL set, the server uses that one and needs none here.
ensure_postgresql() {
  has_postgresql && return 0
  echo "PostgreSQL is not installed; installing it with the system's package manager." >&2
  if command -v apt-get >/dev/null; then
    as_root apt-get update -q
    # The common package first, told not to make and start a cluster when the server package arrives.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends postgresql-common
    as_root sed -i 's/^#*[[:space:]]*create_main_cluster.*/create_main_cluster = false/' \
      /etc/postgresql-common/createcluster.conf
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends postgresql
  elif command -v dnf >/dev/null; then
    as_root dnf install -y postgresql-server postgresql-contrib
  elif command -v apk >/dev/null; then
    as_root apk add postgresql postgresql-contrib
  elif command -v pacman >/dev/null; then
    as_root pacman -Sy --noconfirm postgresql
  elif command -v brew >/dev/null; then
    brew install postgresql@17
  else
    echo "No known package manager here: install PostgreSQL 14 or later, or set DATABASE_URL." >&2
    return 1
  fi
  has_postgresql || { echo "PostgreSQL was installed but its programs are in no known place: set BACKOFFICE_PG_BIN." >&2; return 1; }
}

# Finds cargo, also where rustup puts it before the shell knows.
ensure_cargo() {
  command -v cargo >/dev/null 2>&1 && return 0
  PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
  command -v cargo >/dev/null 2>&1 && return 0
  echo "Rust is not installed: get it from https://rustup.rs, then run this again." >&2
  return 1
}

# Installs packages of the system: names for apt, dnf, apk, pacman and brew in one list, since they differ little.
system_packages() {
  if command -v apt-get >/dev/null; then
    as_root apt-get update -q && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "$@"
  elif command -v dnf >/dev/null; then
    as_root dnf install -y "$@"
  elif command -v apk >/dev/null; then
    as_root apk add "$@"
  elif command -v pacman >/dev/null; then
    as_root pacman -Sy --noconfirm "$@"
  elif command -v brew >/dev/null; then
    brew install "$@"
  else
    echo "No known package manager here: install $*." >&2
    return 1
  fi >&2
}

# Node for the suites that are written in it; 18 is the first with fetch.
ensure_node() {
  command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || system_packages nodejs npm || return 1
  [ "$(node -p 'parseInt(process.versions.node)')" -ge 18 ] || { echo "Node 18 or newer is needed." >&2; return 1; }
}

# npm_packages NAME[@VERSION]…: puts them into a folder of their own, NPM_FOLDER, so that nothing lies in the checkout.
npm_packages() {
  NPM_FOLDER=$(mktemp -d "${CONFORMANCE_SCRATCH:-${TMPDIR:-/tmp}}/npm.XXXXXX") || return 1
  (cd "$NPM_FOLDER" && echo '{"private":true}' >package.json && npm install --silent --no-audit --no-fund "$@" >&2)
}

# python_packages NAME[==VERSION]…: the same for Python; VENV is the folder, VENV/bin/python the interpreter.
python_packages() {
  command -v python3 >/dev/null 2>&1 && python3 -c 'import ensurepip, venv' 2>/dev/null ||
    system_packages python3 python3-venv || return 1
  VENV=$(mktemp -d "${CONFORMANCE_SCRATCH:-${TMPDIR:-/tmp}}/venv.XXXXXX") || return 1
  python3 -m venv "$VENV" && "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >&2
}
