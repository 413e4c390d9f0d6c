//! What runs inside for a step. Arguments come as words of their own and are never part of the text.

/// `RUN`: folder, user, then the command. `/tmp` is memory in a sandbox and part of the image in a
/// Dockerfile, so what a step leaves there is kept for the next one.
pub const RUN: &str = r#"folder=$1 user=$2
shift 2
keep=/var/tmp/.errand-tmp
if [ -d "$keep" ]; then cp -a "$keep/." /tmp/ || exit 125; fi
mkdir -p -- "$folder" && cd -- "$folder" || exit 125
case $user in
  root|0|root:root|0:0) "$@" ;;
  *)
    name=${user%%:*} uid= gid= home=/
    while IFS=: read -r n _ u g _ h _; do
      if [ "$n" = "$name" ] || [ "$u" = "$name" ]; then uid=$u gid=$g home=$h; break; fi
    done </etc/passwd
    case $name in *[!0-9]*) ;; *) uid=${uid:-$name} gid=${gid:-0} ;; esac
    case $user in *:*)
      gid=${user#*:}
      while IFS=: read -r n _ g _; do
        if [ "$n" = "$gid" ]; then gid=$g; break; fi
      done </etc/group ;;
    esac
    case $uid$gid in ''|*[!0-9]*) echo "the image has no user $user" >&2; exit 125 ;; esac
    if [ "$HOME" = /root ]; then export HOME="$home"; fi
    if setpriv --help 2>&1 | grep -q reuid; then
      setpriv --reuid "$uid" --regid "$gid" --clear-groups -- "$@"
    else
      su -m -s /bin/sh "$name" -c 'exec "$@"' sh "$@"
    fi ;;
esac
code=$?
cd /
if [ "$code" = 0 ]; then
  rm -rf "$keep"
  if [ -n "$(ls -A /tmp)" ]; then mkdir "$keep" && cp -a /tmp/. "$keep/" || exit 125; fi
fi
exit "$code""#;

/// Before a `RUN` with secrets in files: how many, and of each path, mode, owner and text. Nothing of them is left.
pub const WITH_SECRETS: &str = r#"n=$1
shift
files= folders=
while [ "$n" -gt 0 ]; do
  path=$1 mode=$2 owner=$3 text=$4
  shift 4
  n=$((n - 1))
  if [ -e "$path" ] || [ -L "$path" ]; then
    echo "$path is there already: choose another target for the secret" >&2
    exit 125
  fi
  folder=${path%/*}
  while [ -n "$folder" ] && [ ! -d "$folder" ]; do
    folders="$folders $folder"
    folder=${folder%/*}
  done
  mkdir -p "${path%/*}/" || exit 125
  (umask 077 && printf %s "$text" >"$path") || exit 125
  chown "$owner" "$path" && chmod "$mode" "$path" || exit 125
  files="$files $path"
done
"$@"
code=$?
rm -f $files
for folder in $folders; do rmdir "$folder" 2>/dev/null; done
exit "$code""#;

/// `COPY`, where the files go: an archive comes in; where to, the name of the one file if it is one,
/// owner, mode.
pub const COPY_IN: &str = r#"set -eu
into=$1 lone=$2 owner=$3 mode=$4
t=$(mktemp -d /var/tmp/.errand-copy.XXXXXX)
trap 'rm -rf "$t"' EXIT
tar -xf - -C "$t"
chown -Rh -- "$owner" "$t"
cd "$t"
if [ -n "$lone" ] && [ ! -d "$into" ]; then
  if [ -n "$mode" ]; then chmod -- "$mode" "$lone"; fi
  mkdir -p -- "$(dirname -- "$into")"
  cp -a -- "$lone" "$into"
  exit 0
fi
mkdir -p -- "$into"
for one in * .[!.]* ..?*; do
  if [ ! -e "$one" ] && [ ! -L "$one" ]; then continue; fi
  if [ -n "$mode" ]; then chmod -R -- "$mode" "$one"; fi
  cp -a -- "$one" "$into/"
done"#;

/// `COPY --from`, where the files are: paths in which `*` may stand; an archive comes out.
pub const COPY_OUT: &str = r#"set -eu
t=$(mktemp -d /var/tmp/.errand-copy.XXXXXX)
trap 'rm -rf "$t"' EXIT
IFS=
for pattern in "$@"; do
  for path in $pattern; do
    if [ -d "$path" ]; then cp -a -- "$path/." "$t/"
    elif [ -e "$path" ]; then cp -aL -- "$path" "$t/"
    else echo "$pattern is not there" >&2; exit 1
    fi
  done
done
cd "$t"
tar -cf - ."#;

/// Whether something is a folder.
pub const IS_FOLDER: &str = r#"[ -d "$1" ]"#;

/// What comes last: nothing of ours stays, and what agents need is there.
pub const FINISH: &str = r#"rm -rf /var/tmp/.errand-tmp
for program in bash git; do
  command -v "$program" >/dev/null || echo "$program"
done"#;

/// A script with its arguments.
pub fn script(text: &str, args: impl IntoIterator<Item = String>) -> Vec<String> {
    let head = ["/bin/sh", "-c", text, "errand"].map(str::to_owned);
    head.into_iter().chain(args).collect()
}
