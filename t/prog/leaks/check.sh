#!/bin/sh
# Each case of victims.c, by the compilers that are here, with and without
# optimisation: the groups found and the status are those of expected.txt.
# Run by hand: check.sh [CASE]...
. "$(dirname "$0")/../../shell.inc"
need_library

# What is lost is told by the raw report itself.
cat > "$work/printer" <<'END'
#!/bin/sh
awk '$1 == "group" && !($2 == "reachable" && $11 !~ /data:1:/) {
       print $2 ":" $4 ":" $5 ":" $6 }' "$3" | sort >> "$VICTIM_GROUPS"
grep -q '^group lost' "$3" && status=23
rm "$3"
exit ${status:-0}
END
chmod +x "$work/printer"

# returns  0 if case $2 of program $1 is found as it must be
run_one() {
  program=$1 name=$2 status=$3 options=on want=
  shift 3
  for word; do
    case $word in
    +*) options=$options:${word#+} ;;
    *) want="$want $word" ;;
    esac
  done
  : > "$work/groups"
  timeout 60 env VICTIM_GROUPS="$work/groups" CGC_LEAK="$options" \
    CGC_LEAK_PRINTER="$work/printer" LD_PRELOAD="$library" \
    "$program" "$name" > "$work/out" 2>&1
  got_status=$?
  got=$(tr '\n' ' ' 2>/dev/null < "$work/groups" | sed 's/^/ /; s/ *$//')
  [ "$got_status" = "$status" ] && [ "$got" = "$want" ] && return 0
  echo "$program $name: status $got_status, not $status; found$got," \
    "not$want"
  sed 's/^/  /' "$work/out" | tail -5
  return 1
}

ran=0
for compiler in $(compilers); do
  for level in -O0 -O2; do
    program=$work/$(basename "$compiler")$level
    $compiler -g $level -pthread "$here/victims.c" -o "$program" || exit 99
    while read -r name rest; do
      case $name in '#'* | '') continue ;; esac
      [ $# = 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
      ran=$((ran + 1))
      # shellcheck disable=SC2086 # words are meant
      run_one "$program" "$name" $rest || failed=$((failed + 1))
    done < "$here/expected.txt"
  done
done
echo "$ran runs, $failed failed"
[ $ran -gt 0 ] && [ $failed = 0 ]
